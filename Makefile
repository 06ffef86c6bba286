# SPDX-License-Identifier: GPL-2.0
#
# make help says what there is. The module itself is described in Kbuild; this
# file never builds between the sources, everything made is in build/.

PREFIX ?= /usr/local
KDIR ?= /lib/modules/$(shell uname -r)/build
INSTALL_MOD_PATH ?= $(DESTDIR)
UDEVDIR ?= /usr/lib/udev/rules.d
SYSUSERSDIR ?= /usr/lib/sysusers.d
# headers for other modules; the library's and the ABI's go to PREFIX/include
MODULE_SOURCE_DIR ?= $(PREFIX)/src/fixedpool
INPUT ?=

top := $(CURDIR)
module_dir := $(top)/build/module
library_dir := $(top)/build/library
kernel_release = $(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null)

.PHONY: all module library install uninstall demo test coverage check docs bench bench-kernel clean help

all: module library

module:
	@[ -e "$(KDIR)/Makefile" ] || { echo "make: no kernel headers in $(KDIR): install linux-headers-$$(uname -r), or say KDIR=..." >&2; exit 1; }
	@scripts/farm $(module_dir)
	$(MAKE) -C $(KDIR) M=$(module_dir) modules

library:
	@command -v cmake > /dev/null || { echo "make: cmake is missing: scripts/bootstrap library" >&2; exit 1; }
	@cmake -S userspace -B $(library_dir) -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DCMAKE_INSTALL_PREFIX=$(PREFIX) -DFIXEDPOOL_BUILD_TESTS=OFF \
		-DFIXEDPOOL_BUILD_EXAMPLES=OFF > /dev/null
	cmake --build $(library_dir) --parallel

install: all
	$(MAKE) -C $(KDIR) M=$(module_dir) INSTALL_MOD_PATH=$(INSTALL_MOD_PATH) modules_install
	DESTDIR=$(DESTDIR) cmake --install $(library_dir)
	install -D -m 644 include/linux/fixedpool.h $(DESTDIR)$(MODULE_SOURCE_DIR)/include/linux/fixedpool.h
	install -D -m 644 include/linux/fixedpool_inline.h $(DESTDIR)$(MODULE_SOURCE_DIR)/include/linux/fixedpool_inline.h
	install -D -m 644 include/uapi/linux/fixedpool.h $(DESTDIR)$(MODULE_SOURCE_DIR)/include/uapi/linux/fixedpool.h
	install -D -m 644 $(module_dir)/Module.symvers $(DESTDIR)$(MODULE_SOURCE_DIR)/$(kernel_release)/Module.symvers
	install -D -m 644 scripts/udev/60-fixedpool.rules $(DESTDIR)$(UDEVDIR)/60-fixedpool.rules
	install -D -m 644 scripts/udev/fixedpool.sysusers $(DESTDIR)$(SYSUSERSDIR)/fixedpool.conf
ifeq ($(INSTALL_MOD_PATH),)
	depmod -a $(kernel_release)
endif
ifeq ($(DESTDIR),)
	ldconfig
	getent group fixedpool > /dev/null || groupadd --system fixedpool
	! command -v udevadm > /dev/null || udevadm control --reload
endif

# The group stays: files may belong to it.
uninstall:
	rm -f $(INSTALL_MOD_PATH)/lib/modules/$(kernel_release)/updates/fixedpool.ko*
	rm -f $(INSTALL_MOD_PATH)/lib/modules/$(kernel_release)/extra/fixedpool.ko*
	[ ! -e $(library_dir)/install_manifest.txt ] || \
		sed 's|^|$(DESTDIR)|' $(library_dir)/install_manifest.txt | xargs -d '\n' rm -f
	rm -rf $(DESTDIR)$(MODULE_SOURCE_DIR)
	rm -f $(DESTDIR)$(UDEVDIR)/60-fixedpool.rules $(DESTDIR)$(SYSUSERSDIR)/fixedpool.conf
ifeq ($(INSTALL_MOD_PATH),)
	depmod -a $(kernel_release)
endif
ifeq ($(DESTDIR),)
	ldconfig
endif

demo:
	@scripts/demo $(if $(INPUT),'$(INPUT)')

test:
	@scripts/test

coverage:
	@scripts/coverage

check:
	@scripts/check

docs:
	@scripts/docs

bench:
	@scripts/bench

bench-kernel:
	@scripts/bench-kernel

clean:
	rm -rf build

help:
	@echo 'make demo           show it at work in an emulated machine; INPUT=path: on that file'
	@echo 'make test           all tests on all kernels; KERNELS="6.12", TESTS="abi_test" to choose, JOBS=1'
	@echo 'make coverage       which lines of the library its tests run'
	@echo 'make check          everything static'
	@echo 'make docs           pages of the headers of the library, in build/docs/html'
	@echo 'make bench          what the library takes, beside its peers; BENCH_ROUNDS=5'
	@echo 'make bench-kernel   what the calls of the module cost, in instructions, beside their peers'
	@echo 'make                module for the running kernel (KDIR=...: for another) and library'
	@echo 'make module, library    one of the two'
	@echo 'make install        both, headers, udev rule; PREFIX, DESTDIR, INSTALL_MOD_PATH, UDEVDIR,'
	@echo '                    SYSUSERSDIR, MODULE_SOURCE_DIR'
	@echo 'make uninstall      what install has put there, with the same variables and KDIR'
	@echo 'make clean          remove build/, with the kernels in it'
