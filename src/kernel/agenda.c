#include "kernel/agenda.h"

#include <stddef.h>

struct tb_agenda_follow {
	struct tb_agenda_follow *next;
	uint64_t rid;
	unsigned reasons;
};

struct tb_agenda_recheck {
	struct tb_agenda_recheck *next;
	struct tb_recheck recheck;
};

void tb_agenda_init(struct tb_agenda *agenda)
{
	agenda->follows = NULL;
	agenda->follows_tail = &agenda->follows;
	agenda->rechecks = NULL;
	agenda->rechecks_tail = &agenda->rechecks;
}

enum tb_err tb_agenda_follow(struct tb_agenda *agenda, struct tb_arena *arena,
			     uint64_t rid, unsigned reasons)
{
	struct tb_agenda_follow *item =
		tb_arena_calloc(arena, 1, sizeof(*item));

	if (item == NULL)
		return TB_ERR_NOMEM;
	item->rid = rid;
	item->reasons = reasons;
	*agenda->follows_tail = item;
	agenda->follows_tail = &item->next;
	return TB_OK;
}

enum tb_err tb_agenda_recheck(struct tb_agenda *agenda, struct tb_arena *arena,
			      const struct tb_recheck *recheck)
{
	struct tb_agenda_recheck *item =
		tb_arena_calloc(arena, 1, sizeof(*item));

	if (item == NULL)
		return TB_ERR_NOMEM;
	item->recheck = *recheck;
	*agenda->rechecks_tail = item;
	agenda->rechecks_tail = &item->next;
	return TB_OK;
}

bool tb_agenda_next_follow(struct tb_agenda *agenda, uint64_t *ret_rid,
			   unsigned *ret_reasons)
{
	struct tb_agenda_follow *item = agenda->follows;

	if (item == NULL)
		return false;
	agenda->follows = item->next;
	if (agenda->follows == NULL)
		agenda->follows_tail = &agenda->follows;
	*ret_rid = item->rid;
	*ret_reasons = item->reasons;
	return true;
}

bool tb_agenda_next_recheck(struct tb_agenda *agenda, struct tb_recheck *ret)
{
	struct tb_agenda_recheck *item = agenda->rechecks;

	if (item == NULL)
		return false;
	agenda->rechecks = item->next;
	if (agenda->rechecks == NULL)
		agenda->rechecks_tail = &agenda->rechecks;
	*ret = item->recheck;
	return true;
}
