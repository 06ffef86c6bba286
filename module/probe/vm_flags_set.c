// SPDX-License-Identifier: GPL-2.0
/* Compiles where the flags of a mapping change through functions. */
#include <linux/mm.h>

void probe(struct vm_area_struct *vma);

void probe(struct vm_area_struct *vma)
{
	vm_flags_set(vma, 0);
}
