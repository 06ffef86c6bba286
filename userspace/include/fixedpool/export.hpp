/* SPDX-License-Identifier: MIT */
/** @file
 * Marks what libfixedpool.so exports; everything else in it is hidden.
 */
#ifndef FIXEDPOOL_EXPORT_HPP
#define FIXEDPOOL_EXPORT_HPP

/** Marks what programs may use. */
#define FIXEDPOOL_EXPORT [[gnu::visibility("default")]]

#endif
