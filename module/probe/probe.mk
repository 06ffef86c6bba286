# SPDX-License-Identifier: GPL-2.0
# What this kernel has, found out by compiling; included by each Kbuild with
# FIXEDPOOL_TOP set to the directory of this file.

# $(2) if module/probe/$(1).c compiles as part of a module of this kernel.
fixedpool-probe = $(if $(shell $(CC) $(NOSTDINC_FLAGS) $(LINUXINCLUDE) \
	$(KBUILD_CPPFLAGS) $(KBUILD_CFLAGS) $(KBUILD_CFLAGS_MODULE) \
	-DKBUILD_MODNAME='"probe"' -DKBUILD_BASENAME='"probe"' \
	-c $(FIXEDPOOL_TOP)/module/probe/$(1).c -o /dev/null 2>/dev/null && \
	echo y),$(2))

ccflags-y += -I$(FIXEDPOOL_TOP)/include
ccflags-y += $(call fixedpool-probe,vm_flags_set,-DHAVE_VM_FLAGS_SET)
ccflags-y += $(call fixedpool-probe,shrinker_alloc,-DHAVE_SHRINKER_ALLOC)
ccflags-y += $(call fixedpool-probe,eventfd_signal_one,-DHAVE_EVENTFD_SIGNAL_ONE)
ccflags-y += $(call fixedpool-probe,unquoted_ns,-DHAVE_UNQUOTED_NS)
