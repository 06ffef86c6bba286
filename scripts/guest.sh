# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A guest: its file system, made on the spot, and the machine that boots it.
# Sourced after lib.sh by whatever boots a kernel.
: "${build:?}"

# rootfs_new DIR INIT: an empty file system with busybox; INIT becomes its
# first process.
rootfs_new() {
	local dir=$1 init=$2 busybox
	busybox=$(command -v busybox) || die "there is no busybox"
	rm -rf "$dir"
	mkdir -p "$dir"/{bin,dev,etc,lib,proc,sys,tmp,root}
	chmod 1777 "$dir/tmp"
	cp "$busybox" "$dir/bin/busybox"
	ln -s busybox "$dir/bin/sh"
	install -m 755 "$init" "$dir/init"
	printf '%s\n' 'root:x:0:0::/root:/bin/sh' \
		'nobody:x:65534:65534::/:/bin/sh' > "$dir/etc/passwd"
	printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' > "$dir/etc/group"
}

# rootfs_program DIR PROGRAM [TARGET]: a program, as TARGET (default: under
# /bin), with the loader and the libraries it wants, where it looks for them: those
# that we have built in /lib, as guests mount something over /tmp.
rootfs_program() {
	local dir=$1 program=$2 target=${3:-/bin/${2##*/}} lib to needs
	install -D -m 755 "$program" "$dir$target"
	# ldd fails on a static program and prints nothing of use.
	needs=$(ldd "$program" 2>/dev/null) || return 0
	if grep 'not found' <<< "$needs" >&2; then
		die "$program: a library is missing"
	fi
	grep -o '/[^ ]*' <<< "$needs" | while read -r lib; do
		case $lib in
		/lib* | /usr/lib*) to=$lib ;;
		*) to=/lib/${lib##*/} ;;
		esac
		[ -e "$dir$to" ] || install -D -m 755 "$lib" "$dir$to"
	done
}

# rootfs_modules DIR NAME: every module built for that kernel, in
# /lib/fixedpool.
rootfs_modules() {
	local dir=$1 name=$2
	mkdir -p "$dir/lib/fixedpool"
	find "$build/modules/$name" -name '*.ko' \
		-exec cp -t "$dir/lib/fixedpool" {} +
}

# rootfs_pack DIR FILE: not compressed, since unpacking costs an emulated
# machine more than reading. The same files make the same FILE.
rootfs_pack() {
	find "$1" -exec touch -h -d @0 {} +
	(cd "$1" && find . | LC_ALL=C sort |
		cpio --quiet --reproducible -o -H newc -R 0:0) > "$2"
}

# guest_run NAME INITRD CMDLINE LIMIT CONSOLE CHANNEL QEMU-ARGUMENT...
# Boots kernel NAME on the machine that QEMU-ARGUMENTs describe, until it powers
# off, panics, or LIMIT seconds are over (status 124). Its log goes to the file
# CONSOLE; what it writes to /dev/ttyS1 to the file CHANNEL. Poweroff and panic
# both are status 0: success is what CHANNEL says, never the status. Emulated,
# so that it works the same everywhere. (no_timer_check: on a busy machine the
# kernel else believes that its timer does not work, and gives up.)
guest_run() {
	local name=$1 initrd=$2 cmdline=$3 limit=$4 console=$5 channel=$6
	shift 6
	timeout --foreground --kill-after=5 "$limit" qemu-system-x86_64 \
		-nodefaults -no-user-config -display none -no-reboot -cpu max \
		-serial "file:$console" -serial "file:$channel" \
		-kernel "$build/kernels/$name/vmlinuz" -initrd "$initrd" \
		-append "console=ttyS0 panic=-1 oops=panic no_timer_check cryptomgr.notests $cmdline" \
		"$@" < /dev/null
}

# guest_boot NAME INITRD CMDLINE LIMIT CONSOLE CHANNEL [QEMU-ARGUMENT...]
# The machine that tests run on: two processors on two NUMA nodes. As
# guest_run. GUEST_NODE_MEMORY: of each node.
guest_boot() {
	local name=$1 initrd=$2 cmdline=$3 limit=$4 console=$5 channel=$6
	local memory=${GUEST_NODE_MEMORY:-512M}
	shift 6
	! grep -q '^CONFIG_KASAN=y' "$build/kernels/$name/config" || memory=1G

	guest_run "$name" "$initrd" "loglevel=7 panic_on_warn=1 $cmdline" \
		"$limit" "$console" "$channel" \
		-accel tcg,thread=multi -smp 2,sockets=2 \
		-object "memory-backend-ram,id=node0,size=$memory" \
		-object "memory-backend-ram,id=node1,size=$memory" \
		-m "$((${memory//[MG]/} * 2))${memory: -1}" \
		-numa node,cpus=0,memdev=node0 -numa node,cpus=1,memdev=node1 \
		"$@"
}

# guest_boot_counting NAME INITRD CMDLINE LIMIT CONSOLE CHANNEL [QEMU-ARGUMENT...]
# The machine that measurements run on: one processor, whose time stamp counter
# counts the instructions it has executed; idle time is free, and every boot of
# the same files is the same to the last instruction. As guest_run.
guest_boot_counting() {
	local name=$1 initrd=$2 cmdline=$3 limit=$4 console=$5 channel=$6
	shift 6
	guest_run "$name" "$initrd" \
		"quiet nokaslr randomize_kstack_offset=off $cmdline" \
		"$limit" "$console" "$channel" \
		-accel tcg,thread=single -icount shift=0,sleep=off,align=off \
		-smp 1 -seed 1 -rtc base=2024-01-01,clock=vm -m 1G "$@"
}
