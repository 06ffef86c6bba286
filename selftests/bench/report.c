// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/fixedpool_bench, a line for each figure:
 *
 *   row SUBJECT MEASURE VALUE		three decimals
 *   skip SUBJECT REASON		nothing of it could be measured
 *
 * Filled while the module is loaded, not changed afterwards: hence no lock.
 */

#include <linux/list.h>
#include <linux/math64.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "report.h"

#define FILE_NAME	"fixedpool_bench"

struct report_line {
	struct list_head entry;
	char text[];
};

static LIST_HEAD(lines);

static int add(char *text)
{
	struct report_line *line;
	size_t size;

	if (!text)
		return -ENOMEM;
	size = strlen(text) + 1;
	line = kmalloc(struct_size(line, text, size), GFP_KERNEL);
	if (line) {
		memcpy(line->text, text, size);
		list_add_tail(&line->entry, &lines);
	}
	kfree(text);
	return line ? 0 : -ENOMEM;
}

/**
 * report_row - a figure
 * @subject: of what
 * @measure: which one
 * @thousandths: its value, times 1000
 *
 * Return: 0 or -ENOMEM
 */
int report_row(const char *subject, const char *measure, u64 thousandths)
{
	u32 rest;
	u64 whole = div_u64_rem(thousandths, 1000, &rest);

	return add(kasprintf(GFP_KERNEL, "row %s %s %llu.%03u", subject,
			     measure, whole, rest));
}

/**
 * report_skip - nothing to measure here
 * @subject: of what
 * @reason: why
 *
 * Return: 0 or -ENOMEM
 */
int report_skip(const char *subject, const char *reason)
{
	return add(kasprintf(GFP_KERNEL, "skip %s %s", subject, reason));
}

static int show(struct seq_file *file, void *unused)
{
	struct report_line *line;

	list_for_each_entry(line, &lines, entry)
		seq_printf(file, "%s\n", line->text);
	return 0;
}

/* report_forget - drop all lines; nobody reads them any more, or yet */
void report_forget(void)
{
	struct report_line *line, *next;

	list_for_each_entry_safe(line, next, &lines, entry) {
		list_del(&line->entry);
		kfree(line);
	}
}

/**
 * report_init - show the report
 *
 * Return: 0 or -ENOMEM
 */
int report_init(void)
{
	return proc_create_single(FILE_NAME, 0400, NULL, show) ? 0 : -ENOMEM;
}

/* report_exit - take the report away */
void report_exit(void)
{
	remove_proc_entry(FILE_NAME, NULL);
	report_forget();
}
