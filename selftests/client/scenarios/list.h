/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The scenarios that the driver plays inside the kernel, one line each: the
 * driver makes functions of them, and the test program tests. Included where
 * SCENARIO() says what to make of a line, as often as needed.
 */

/* lifecycle.c */
SCENARIO(a_pool_is_what_was_asked_for);
SCENARIO(a_pool_is_found_by_its_name);
SCENARIO(a_name_nobody_took_is_not_found);
SCENARIO(a_taken_name_is_refused);
SCENARIO(a_destroyed_name_is_free_at_once);
SCENARIO(a_destroyed_pool_serves_its_users);

/* refusals.c */
SCENARIO(a_bad_name_is_refused);
SCENARIO(a_bad_block_size_is_refused);
SCENARIO(a_bad_alignment_is_refused);
SCENARIO(a_bad_number_of_blocks_is_refused);
SCENARIO(a_bad_reserve_is_refused);
SCENARIO(a_bad_largest_number_of_blocks_is_refused);
SCENARIO(a_bad_storage_is_refused);
SCENARIO(a_bad_flag_is_refused);
SCENARIO(a_bad_mode_is_refused);
SCENARIO(a_bad_node_is_refused);

/* allocation.c */
SCENARIO(a_block_is_in_use_while_it_is_held);
SCENARIO(an_empty_pool_gives_nothing);
SCENARIO(blocks_are_aligned_and_apart);
SCENARIO(bulk_takes_what_there_is);
SCENARIO(bulk_free_stops_at_the_refused_handle);

/* handles.c */
SCENARIO(a_handle_says_version_and_slot);
SCENARIO(a_stale_handle_is_refused);
SCENARIO(a_double_free_is_refused);
SCENARIO(a_forged_handle_is_refused);
SCENARIO(a_handle_of_another_pool_is_refused);
SCENARIO(a_handle_beyond_the_end_is_refused);
SCENARIO(a_lookup_is_one_hold_more);
SCENARIO(the_255th_hold_is_refused);

/* pointers.c */
SCENARIO(a_pointer_and_its_handle_lead_to_each_other);
SCENARIO(only_the_first_byte_leads_to_a_handle);
SCENARIO(a_free_block_has_no_handle);
SCENARIO(a_foreign_pointer_has_no_handle);
SCENARIO(a_block_is_freed_by_its_address);

/* contexts.c */
SCENARIO(a_pool_serves_with_interrupts_off);
SCENARIO(a_pool_serves_under_a_raw_spinlock);
SCENARIO(a_pool_serves_a_tasklet);
SCENARIO(a_pool_serves_a_hard_interrupt);
SCENARIO(a_pool_serves_a_hard_timer);
SCENARIO(a_pool_serves_an_nmi);

/* growth.c */
SCENARIO(a_pool_grows_soon_for_a_hard_interrupt);
SCENARIO(a_pool_grows_soon_for_an_nmi);
SCENARIO(a_pool_grows_before_it_is_empty);

/* hammer.c */
SCENARIO(threads_never_share_a_block);
SCENARIO(threads_never_share_one_of_many_blocks);
SCENARIO(threads_and_interrupts_never_share_a_block);
SCENARIO(threads_and_interrupts_never_share_one_of_many_blocks);
SCENARIO(threads_and_nmis_never_share_a_block);
SCENARIO(threads_and_nmis_never_share_one_of_many_blocks);
SCENARIO(no_hold_of_a_common_block_is_lost);

/* channels.c */
SCENARIO(a_channel_carries_blocks_in_order);
SCENARIO(a_full_channel_takes_no_more);
SCENARIO(a_channel_refuses_what_nobody_may_send);
SCENARIO(a_bad_channel_is_refused);
SCENARIO(a_channel_tells_that_a_side_has_gone);
SCENARIO(a_listener_is_called_when_handles_arrive);
SCENARIO(a_hard_interrupt_sends);
SCENARIO(an_nmi_sends_and_the_listener_is_called);
SCENARIO(threads_and_nmis_lose_no_handle);

/* sets.c */
SCENARIO(a_size_is_served_by_the_smallest_pool_and_then_the_next);
SCENARIO(a_size_that_no_pool_has_is_not_served);
SCENARIO(a_bad_set_is_refused);
SCENARIO(a_set_is_found_by_its_name);
SCENARIO(a_destroyed_pool_serves_its_set);
SCENARIO(a_set_serves_a_hard_interrupt);
SCENARIO(a_set_serves_an_nmi);

/* mempool.c */
SCENARIO(a_mempool_holds_its_reserve);
SCENARIO(a_mempool_beyond_its_pool_cannot_be_made);
SCENARIO(an_exhausted_mempool_refuses_who_may_not_wait);
SCENARIO(an_exhausted_mempool_makes_a_patient_one_wait);
SCENARIO(requests_complete_with_the_reserve_alone);

/* waiting.c */
SCENARIO(a_waiter_gets_the_block_that_is_freed);
SCENARIO(a_waiter_for_many_gets_all_of_them);
SCENARIO(who_waits_for_nothing_gives_up_in_time);
SCENARIO(a_block_freed_in_a_hard_interrupt_reaches_a_waiter);
SCENARIO(a_block_freed_in_an_nmi_reaches_a_waiter);
SCENARIO(a_waiter_that_is_killed_gives_up);
SCENARIO(a_destroyed_pool_sends_its_waiters_away);
SCENARIO(nobody_who_waits_is_forgotten);
SCENARIO(nobody_who_waits_for_many_blocks_is_forgotten);

/* Those that need more than a storage, see there. */
#ifdef SPECIAL_SCENARIO
/* handles.c */
SPECIAL_SCENARIO(a_block_of_a_process_is_not_ours_to_free);

/* shortage.c */
SPECIAL_SCENARIO(the_reserve_needs_no_memory);

/* mempool.c */
SPECIAL_SCENARIO(requests_complete_without_memory);
#endif

#undef SPECIAL_SCENARIO
#undef SCENARIO
