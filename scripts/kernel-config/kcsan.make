# Variables for the build of the kernel itself, not of modules. What a missing
# barrier would do is modelled too, so what orders memory for its callers says
# that it does.
KCSAN_SANITIZE=n
KCSAN_INSTRUMENT_BARRIERS_mutex.o=y
KCSAN_INSTRUMENT_BARRIERS_rtmutex_api.o=y
KCSAN_INSTRUMENT_BARRIERS_rwsem.o=y
KCSAN_INSTRUMENT_BARRIERS_spinlock.o=y
KCSAN_INSTRUMENT_BARRIERS_semaphore.o=y
KCSAN_INSTRUMENT_BARRIERS_completion.o=y
KCSAN_INSTRUMENT_BARRIERS_core.o=y
KCSAN_INSTRUMENT_BARRIERS_wait.o=y
KCSAN_INSTRUMENT_BARRIERS_swait.o=y
KCSAN_INSTRUMENT_BARRIERS_workqueue.o=y
KCSAN_INSTRUMENT_BARRIERS_tree.o=y
KCSAN_INSTRUMENT_BARRIERS_srcutree.o=y
KCSAN_INSTRUMENT_BARRIERS_irq_work.o=y
KCSAN_INSTRUMENT_BARRIERS_xarray.o=y
KCSAN_INSTRUMENT_BARRIERS_llist.o=y
KCSAN_INSTRUMENT_BARRIERS_slub.o=y
KCSAN_INSTRUMENT_BARRIERS_slab_common.o=y
KCSAN_INSTRUMENT_BARRIERS_page_alloc.o=y
