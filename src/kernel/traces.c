#include "kernel/traces.h"

#include <stdlib.h>

#include "base/assert.h"
#include "kernel/restart.h"
#include "kernel/scope_end.h"
#include "kernel/sight.h"
#include "kernel/system.h"

/* The traces of one record, in any order until they are sorted. */
struct traces {
	const struct tb_entry *list[TB_ENTRIES_MAX + 1];
	size_t n;
};

/* What left a store's or a site's queue is told there until it is
 * acknowledged: only what says who saw the record is a trace. */
static enum tb_err add_trace(struct tb_view *view, struct traces *traces,
			     const struct tb_entry *entry)
{
	const struct tb_record *scope;
	enum tb_err err;

	if (entry->flags != 0 || (entry->scope & TB_NUM_MAX) <= TB_NUM_RESERVED)
		return TB_OK;
	err = tb_view_get_rid(view, entry->scope, &scope);
	if (err == TB_OK && scope != NULL && tb_sight_is_by_name(scope->key) &&
	    traces->n < TB_ARRAY_LEN(traces->list))
		traces->list[traces->n++] = entry;
	return err;
}

static int compare_nums(const void *a, const void *b)
{
	const struct tb_entry *left = *(const struct tb_entry *const *)a;
	const struct tb_entry *right = *(const struct tb_entry *const *)b;

	return (left->num > right->num) - (left->num < right->num);
}

/* What a client must know of the first `n` of them. ETags are made of the ends
 * of scopes, which stay. */
static enum tb_err note(struct tb_view *view, struct tb_str collection,
			const struct traces *traces, size_t n)
{
	struct tb_restart dropped = { .us = INT64_MIN };
	enum tb_err err = TB_OK;

	for (size_t i = 0; err == TB_OK && i < n; i++) {
		const struct tb_entry *entry = traces->list[i];

		if (entry->time_us > dropped.us)
			dropped.us = entry->time_us;
		if (entry->num > dropped.num)
			dropped.num = entry->num;
		err = tb_scope_keep_end(view, entry);
	}
	return err == TB_OK ? tb_restart_raise(view, TB_RESTART_DROPPED,
					       collection, &dropped)
			    : err;
}

static enum tb_err drop_oldest(struct tb_view *view, struct tb_str collection,
			       uint64_t rid, struct traces *traces)
{
	uint64_t scopes[TB_ENTRIES_MAX + 1];
	size_t n = traces->n - TB_TRACES_MAX / 2;
	enum tb_err err;

	qsort(traces->list, traces->n, sizeof(traces->list[0]), compare_nums);
	for (size_t i = 0; i < n; i++)
		scopes[i] = traces->list[i]->scope;
	err = note(view, collection, traces, n);
	return err == TB_OK ? tb_view_forget_places(view, rid, scopes, n) : err;
}

enum tb_err tb_traces_make_room(struct tb_view *view,
				const struct tb_collection *collection,
				uint64_t rid)
{
	const struct tb_record *record;
	struct traces traces = { .n = 0 };
	enum tb_err err = tb_view_get_rid(view, rid, &record);

	if (err == TB_OK && record == NULL)
		err = TB_ERR_NOT_FOUND;
	if (err != TB_OK || collection == NULL || collection->path.p == NULL ||
	    record->n_entries <= TB_TRACES_MAX)
		return err;
	for (size_t i = 0; err == TB_OK && i < record->n_entries; i++)
		err = add_trace(view, &traces, &record->entries[i]);
	if (err != TB_OK || traces.n <= TB_TRACES_MAX)
		return err;
	return drop_oldest(view, collection->name, rid, &traces);
}
