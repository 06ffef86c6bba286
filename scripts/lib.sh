# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts share: the folders, messages, packages. Sourced, never run.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build

say() {
	printf '== %(%H:%M:%S)T %s\n' -1 "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# kernel_names: every supported kernel, one a line.
kernel_names() {
	awk '!/^#/ && NF { print $1 }' "$top/scripts/kernels"
}

# kernel_packages NAME: the rest of its line in the table.
kernel_packages() {
	awk -v name="$1" '!/^#/ && $1 == name { print $2, $3; found = 1 }
		END { exit !found }' "$top/scripts/kernels" ||
		die "no kernel '$1'; there are: $(kernel_names | xargs)"
}

# kernel_fragments NAME: of the configuration of a kernel that is built.
kernel_fragments() {
	awk -v name="$1" '!/^#/ && $1 == name {
		for (i = 4; i <= NF; i++)
			print $i
	}' "$top/scripts/kernels"
}

# locked LOCK COMMAND...: one at a time, also among several users of one
# checkout. COMMAND may be a function, and sees the variables of its caller.
locked() {
	local lock_fd
	mkdir -p "$build/locks"
	exec {lock_fd}>"$build/locks/$1"
	shift
	flock "$lock_fd"
	"$@"
	exec {lock_fd}>&-
}

# as_root COMMAND...: fails when there is no way to become root; sudo asks for
# a password only where somebody can answer.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null &&
		{ [ -t 0 ] || sudo -n true 2>/dev/null; }; then
		sudo "$@"
	else
		return 1
	fi
}

# package_version PACKAGE: what apt would take, empty when it knows none.
package_version() {
	apt-cache policy "$1" 2>/dev/null |
		awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'
}

# package_depends PACKAGE PATTERN: its dependencies that match, one a line.
package_depends() {
	apt-cache depends --important "$1" |
		awk '$1 ~ /^\|?Depends:$/ && $2 !~ /</ { print $2 }' |
		grep -E -- "$2" | sort -u
}

# package_known PACKAGE: makes sure that apt has heard of it.
package_known() {
	[ -n "$(package_version "$1")" ] && return
	as_root apt-get -qq update || true
	[ -n "$(package_version "$1")" ] ||
		die "apt knows no package $1 (the security suite of Debian 12 has it: add that to the apt sources, then 'apt-get update')"
}

# package_fetch FOLDER PACKAGE...: downloads; nothing is installed.
package_fetch() {
	local folder=$1
	shift
	mkdir -p "$folder"
	# The package lists may be older than the mirror: renew them once.
	(cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download "$@") ||
		{ as_root apt-get -qq update &&
			(cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download "$@"); } ||
		die "cannot download: $*"
}

# judge_host NAME: of programs that ran on this machine and left build/results/NAME;
# says what is wrong, and fails if anything is.
judge_host() {
	"$top/scripts/judge" --host "$build/results/$1"
	awk -v name="$1" '
		/^counts:/ {
			printf "%s: %d passed, %d failed, %d skipped\n", name, $2, $3, $4
			bad = $3 > 0
			next
		}
		{ print "  " $0 }
		END { exit bad }' "$build/results/$1/summary"
}
