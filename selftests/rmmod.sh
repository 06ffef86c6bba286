#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The module is unloaded when nobody uses it, and at no other time.
# shellcheck disable=SC2317 # check calls them
. "${0%/*}/tap.sh"

# start_user HOW: a process that uses the module, until stop_user
start_user() {
	rm -f "$scratch/ready"
	mkfifo "$scratch/ready"
	"$here/helpers/use" "$1" > "$scratch/ready" &
	user=$!
	read -r line < "$scratch/ready"
	[ "$line" = ready ]
}

stop_user() {
	kill -KILL "$user"
	wait "$user"
	[ $? = 137 ]
}

# is_refused: the unload, and the module is as it was
is_refused() {
	fails unload && is_present
}

load_and_unload() {
	cycles=$1
	while [ "$cycles" -gt 0 ]; do
		load pools=a:64:100,b:4096:10 && is_present && unload &&
			is_absent || return 1
		cycles=$((cycles - 1))
	done
}

tracing=/sys/kernel/tracing

# events_on: as in client_trace_test, without what would change the scheduler
events_on() {
	echo 0 > "$tracing/options/record-cmd" &&
		echo 1 > "$tracing/events/fixedpool/enable"
}

plan 32

check "the module loads, with a pool" load pools=idle:4096:4
check "a pool without users does not hinder the unload" unload
check "nothing is left" is_absent

for how in descriptor pool mapping; do
	load pools=idle:4096:4
	case $how in
	descriptor) what="an open descriptor" ;;
	pool) what="a held block" ;;
	mapping) what="a mapping without descriptor" ;;
	esac
	check "a process has $what" start_user $how
	check "$what forbids the unload" is_refused
	check "the process dies with $what" stop_user
	check "after $what the module unloads" unload
	check "nothing is left after $what" is_absent
done

load pools=idle:4096:4
exec 4< /sys/kernel/debug/fixedpool/idle/valid
check "an open file of debugfs forbids the unload" is_refused
check "it can be read" says 1 head -n 1 /proc/self/fd/4
exec 4<&-
check "after that the module unloads" unload
check "nothing is left after that" is_absent

load pools=idle:4096:4
check "events can be traced" events_on
check "events that are on do not hinder the unload" unload
check "nothing is left of them" fails [ -d "$tracing/events/fixedpool" ]
check "nothing is left after them" is_absent

check "the consumer module does not load alone" \
	fails "$here/helpers/load" "$modules/fixedpool_client.ko"
load pools=idle:4096:4
check "the consumer module loads after the module" \
	"$here/helpers/load" "$modules/fixedpool_client.ko"
check "the consumer module forbids the unload" is_refused
check "the consumer module unloads" rmmod fixedpool_client
check "then the module does, too" unload

check "twenty loads and unloads leave nothing" load_and_unload 20

finish
