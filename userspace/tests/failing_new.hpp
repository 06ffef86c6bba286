/* SPDX-License-Identifier: MIT */
/** @file
 * An operator new for tests, that fails when it is told to.
 */
#ifndef FIXEDPOOL_TESTS_FAILING_NEW_HPP
#define FIXEDPOOL_TESTS_FAILING_NEW_HPP

namespace fixedpool::testing {

/** Allocations of this thread that go well before those that fail; negative: all go well. */
extern constinit thread_local long until_failure;

} // namespace fixedpool::testing

#endif
