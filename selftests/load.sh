#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The module is loaded with its parameters pools= and sets=, good and bad.
# shellcheck disable=SC2317 # check calls them
. "${0%/*}/tap.sh"

# has POOL ATTRIBUTE VALUE
has() {
	says "$3" cat "$class/$1/$2"
}

# made POOL BLOCK_SIZE BLOCKS MODE: all of that, and nobody uses it.
made() {
	has "$1" block_size "$2" && has "$1" blocks "$3" && has "$1" mode "$4" &&
		has "$1" storage pages && has "$1" owner 0 &&
		has "$1" reserve "$3" && has "$1" free "$3" &&
		has "$1" in_use 0 && has "$1" clients 0
}

# there_are N: pools
there_are() {
	says "$1" sh -c "ls $class | wc -l"
}

# is_refused WORDS VALUE [PARAMETER]: a load with pools=VALUE fails, the log has
# one line about it, in which WORDS stand, and nothing is left behind.
is_refused() {
	log_mark
	fails load "pools=$2 ${3:-}" || {
		unload
		return 1
	}
	log_of_module > "$scratch/log"
	cat "$scratch/log"
	[ "$(wc -l < "$scratch/log")" = 1 ] &&
		grep -qF -- "$1" "$scratch/log" && is_absent
}

# A name of 32 characters, one more than there is room for.
long=0123456789abcdef0123456789abcdef

plan 66

check "without a parameter the module loads" load
check "without a parameter there are no pools" there_are 0
check "class and device are there" is_present
check "it unloads" unload
check "nothing is left of it" is_absent
check "an empty parameter is none" load pools=
check "it makes no pools" there_are 0
check "it unloads again" unload

check "three pools are made at load" \
	load pools=small:64:4096,medium:256:1024:0660,large:0x1000:512:666
check "there are three" there_are 3
check "the first is what was asked for" made small 64 4096 0600
check "the second has its mode" made medium 256 1024 0660
check "the third has its size, in hexadecimal" made large 4096 512 0666
check "pools without users do not hinder the unload" unload
check "the pools are gone with the module" is_absent
check "a pool that may grow is made" load pools=a:64:4-1000:0660
check "it begins with what was asked for" made a 64 4 0660
check "it may grow as far as was asked for" has a max_blocks 1000
check "it does not hinder the unload either" unload

check "an empty name is refused" is_refused ':64:4' :64:4
check "a name that begins with a dot is refused" is_refused .a .a:64:4
check "a name with a slash is refused" is_refused a/b a/b:64:4
check "a name of 32 characters is refused" is_refused $long $long:64:4
check "a block size of zero is refused" is_refused a:0:4 a:0:4
check "a block size beyond the largest is refused" \
	is_refused a:4194305:1 a:4194305:1
check "a block size that is no number is refused" is_refused a:64k:4 a:64k:4
check "a negative block size is refused" is_refused a:-64:4 a:-64:4
check "a block size of 2^32 is refused" \
	is_refused a:4294967296:4 a:4294967296:4
check "a count of zero is refused" is_refused a:64:0 a:64:0
check "a count that is no number is refused" is_refused a:64:many a:64:many
check "a largest count below the count is refused" is_refused a:64:4-3 a:64:4-3
check "a largest count that is no number is refused" \
	is_refused a:64:4-many a:64:4-many
check "a missing largest count is refused" is_refused a:64:4- a:64:4-
check "more than there is room for is refused" \
	is_refused a:4194304:4294967295 a:4194304:4294967295
check "a missing count is refused" is_refused a:64 a:64
check "a name alone is refused" is_refused '"a"' a
check "a field too many is refused" is_refused a:64:4:0600:0:1 a:64:4:0600:0:1
check "flags that are no number are refused" is_refused a:64:4:0600:x a:64:4:0600:x
check "flags that do not exist are refused" is_refused a:64:4:0600:0x80000000 a:64:4:0600:0x80000000
check "a mode with an execute bit is refused" is_refused a:64:4:0700 a:64:4:0700
check "a mode that is not octal is refused" is_refused a:64:4:rw a:64:4:rw
check "an empty mode is refused" is_refused a:64:4: a:64:4:
check "a name taken twice is refused" \
	is_refused a:128:8 a:64:4,b:64:4,a:128:8
check "more than the memory there is is refused" \
	is_refused a:4096:200000000 a:4096:200000000
check "a pool more than max_pools is refused" \
	is_refused max_pools a:64:4,b:64:4 max_pools=1
check "more than max_bytes is refused" \
	is_refused max_bytes a:64:4,b:4096:100 max_bytes=300000
check "a comma at the end is refused" is_refused '""' a:64:4,
check "a bad pool after good ones leaves none of them" \
	is_refused c:0:1 a:64:4,b:4096:1000,c:0:1

# A text of more than 1,024 characters never reaches the module.
too_long() {
	value=a:64:4
	while [ ${#value} -le 1024 ]; do
		value=$value,b${#value}:64:4
	done
	fails load "pools=$value" && is_absent &&
		load pools=a:64:4 && made a 64 4 0600 && unload && is_absent
}
check "a text that is too long is refused, and a good one then taken" too_long

# set_is_refused WORDS SETS: as is_refused, with pools a, b and c.
set_is_refused() {
	is_refused "$1" a:64:4,b:256:4,c:1024:4 "sets=$2"
}

# Thirty-three pools, one more than a set may have.
many_pools() {
	i=0
	while [ $i -lt 33 ]; do
		echo "p$i$1"
		i=$((i + 1))
	done | xargs | tr ' ' "$2"
}

check "sets are made of pools at load" \
	load "pools=a:64:4,b:256:4,c:1024:4 sets=all:c+a+b,one:b"
check "the set of all is there, and the next of that name is refused" \
	"$here/helpers/sets" all a b c
check "the set of one is there" "$here/helpers/sets" one b
check "sets do not hinder the unload" unload
check "nothing is left of them" is_absent
check "an empty parameter is no set" load "pools=a:64:4 sets="
check "it unloads once more" unload
check "a set of a pool that is not there is refused" \
	set_is_refused '"all:a+d" has a pool that does not exist' all:a+d
check "a set of no pools is refused" set_is_refused '"all:" has a pool' all:
check "a set without a list is refused" set_is_refused '"all" is not name' all
check "a set with a pool twice is refused" \
	set_is_refused '"all:a+b+a" has the same pool twice' all:a+b+a
check "a set without a name is refused" set_is_refused '":a" has a name' :a
check "a set named with a slash is refused" set_is_refused '"x/y:a" has a name' x/y:a
check "two sets of one name are refused" \
	set_is_refused '"all:b" is named twice' all:a,all:b
check "a plus at the end is refused" set_is_refused '"all:a+" has a pool' all:a+
check "a comma at the end of the sets is refused" set_is_refused '"" is not' all:a,
check "more pools than a set may have are refused" \
	is_refused "has too many pools" "$(many_pools :8:1 ,)" \
	"sets=all:$(many_pools '' +)"

finish
