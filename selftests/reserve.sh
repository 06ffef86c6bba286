#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Allocations fail, all of them or the N-th one: what a pool has, it has, and
# what cannot be made leaves nothing behind. Needs a kernel with fault
# injection.
. "${0%/*}/tap.sh"

debug=/sys/kernel/debug

# set_fault NAME VALUE: for every kind of fault that this kernel knows
set_fault() {
	for kind in failslab fail_page_alloc fail_usercopy; do
		[ ! -e "$debug/$kind/$1" ] || echo "$2" > "$debug/$kind/$1"
	done
}

# Every allocation of a task fails that asks for it by make-it-fail.
fail_all() {
	set_fault require-start 0
	set_fault require-end 0xffffffffffffffff
	set_fault reject-start 0
	set_fault reject-end 0
	set_fault probability 100
	[ ! -e $debug/fail_usercopy ] || echo 0 > $debug/fail_usercopy/probability
}

# The N-th allocation or copy of a task fails that asks for it by fail-nth;
# those count that a module asks for, wherever they are made in the end, since
# what the kernel does before and after is not what is tested. A new slab cache
# whose directory in sysfs cannot be made leaks its name, whoever makes it:
# those do not count.
fail_nth() {
	set_fault probability 0
	set_fault require-start 0xffffffffa0000000
	set_fault require-end 0xffffffffff000000
	range=$(sort /proc/kallsyms | awk '
		start && $1 != start { print "0x" start, "0x" $1; exit }
		$3 == "sysfs_slab_add" { start = $1 }')
	set_fault reject-start "${range% *}"
	set_fault reject-end "${range#* }"
}

# Both: every allocation that a module asks for, for make-it-fail.
fail_all_of_modules() {
	fail_nth
	set_fault probability 100
	[ ! -e $debug/fail_usercopy ] || echo 0 > $debug/fail_usercopy/probability
}

fail_none() {
	set_fault probability 0
	set_fault times 1
}

if [ ! -d $debug/failslab ] || [ ! -d $debug/fail_page_alloc ]; then
	skip_all "no fault injection in this kernel"
fi

plan 37

set_fault task-filter Y
set_fault ignore-gfp-wait N
set_fault ignore-gfp-highmem N
set_fault min-order 0
set_fault verbose 0
set_fault times -1
set_fault interval 1

fail_nth
check "a load undoes its work when any step fails" "$here/helpers/load" \
	"$modules/fixedpool.ko" "" faults
check "nothing is left of it" is_absent
check "the module loads" load
check "the consumer module loads" \
	"$here/helpers/load" "$modules/fixedpool_client.ko"
for operation in open create attach alloc free write mmap grow share scope_create \
	scope_alloc scope_release dissolve set_create set_open channel_create \
	channel_open channel_write channel_read cache_fill cache_drain; do
	check "$operation undoes its work when any step fails" \
		"$here/helpers/fail_nth" $operation pages
done
for operation in create grow; do
	check "$operation undoes its work when any step fails, slab storage too" \
		"$here/helpers/fail_nth" $operation slab
done
fail_all_of_modules
check "a scope that cannot be dissolved is as good as before" \
	"$here/helpers/dissolve"
fail_all
for storage in pages slab; do
	check "the reserve needs no memory: a process, $storage" \
		"$here/helpers/shortage" $storage
	check "the reserve needs no memory: the kernel, $storage" \
		"$here/helpers/play" the_reserve_needs_no_memory $storage
	check "a mempool on a pool needs no memory, $storage" \
		"$here/helpers/play" requests_complete_without_memory $storage
done
fail_none
check "the consumer module unloads" rmmod fixedpool_client
check "the module unloads" unload
check "nothing is left" is_absent

finish
