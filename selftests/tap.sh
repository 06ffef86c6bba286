# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the shell tests share. Sourced, never run; busybox sh runs it.
#
#   plan N                      first
#   check SENTENCE COMMAND...   a test: COMMAND succeeds
#   skip_all REASON             instead of a plan
#   finish                      last

# shellcheck disable=SC2034 # for those who source it
here=${0%/*}
modules=${FIXEDPOOL_MODULES:-/lib/fixedpool}
class=/sys/class/fixedpool
scratch=$(mktemp -d)
planned=0 number=0 failed=0

plan() {
	planned=$1
	echo "TAP version 13"
	echo "1..$planned"
}

check() {
	sentence=$1
	shift
	number=$((number + 1))
	if "$@" > "$scratch/output" 2>&1; then
		echo "ok $number - $sentence"
	else
		echo "# failed: $*"
		sed 's/^/#   /' "$scratch/output"
		echo "not ok $number - $sentence"
		failed=$((failed + 1))
	fi
}

skip_all() {
	echo "TAP version 13"
	echo "1..0 # SKIP $1"
	exit 0
}

finish() {
	rm -rf "$scratch"
	[ $number = "$planned" ] || echo "# $number tests of $planned"
	[ $failed = 0 ] && [ $number = "$planned" ]
	exit
}

# fails COMMAND...: like !, but as a command.
fails() {
	if "$@"; then
		echo "did not fail: $*"
		return 1
	fi
}

# says WANTED COMMAND...: COMMAND prints exactly that.
says() {
	wanted=$1
	shift
	seen=$("$@") || return 1
	[ "$seen" = "$wanted" ] || {
		echo "'$seen', not '$wanted': $*"
		return 1
	}
}

# log_mark: log_since prints what the kernel logs from here on, without times.
log_mark() {
	marker="tap.sh: $$: before test $number"
	echo "$marker" > /dev/kmsg
}

log_since() {
	dmesg | sed 's/^\(<[0-9]*>\)\{0,1\}\(\[[^]]*\] *\)*//' |
		sed "1,/^$marker\$/d"
}

# log_of_module: what the module itself says, of all that. The kernel, too,
# begins some lines with the name of a module that it loads.
log_of_module() {
	log_since | grep '^fixedpool: ' |
		grep -v 'loading out-of-tree module\|module verification failed'
}

is_loaded() {
	[ -d "/sys/module/$1" ]
}

# What there is while the module is loaded, and at no other time.
is_present() {
	is_loaded fixedpool && [ -d $class ] && [ -c /dev/fixedpool ]
}

is_absent() {
	! is_loaded fixedpool && [ ! -e $class ] && [ ! -e /dev/fixedpool ]
}

# load [PARAMETER]: once; insmod of busybox tries twice.
load() {
	"$here/helpers/load" "$modules/fixedpool.ko" "${1:-}"
}

unload() {
	rmmod fixedpool
}
