/*
 * What a group of commits leaves to be done in its own transaction, once its
 * changes are there (kernel/work.h): records whose dependants may have to
 * follow, and records that may have come into somebody's sight or out of it.
 * Lives in the arena of its view; used by one thread.
 */
#ifndef TB_KERNEL_AGENDA_H
#define TB_KERNEL_AGENDA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* Why a record's dependants are looked at; a mask of these. */
enum tb_follow_reason {
	TB_FOLLOW_ROUTE = 1, /* it went elsewhere, and its children with it */
	TB_FOLLOW_SHOW = 2,  /* what they show of it has changed */
	TB_FOLLOW_SIGHT = 4, /* it is new to those whom they let see it */
};

/* A record, and a scope in which it is just as long as something hangs below
 * (scope, key). */
struct tb_recheck {
	uint64_t scope;
	uint64_t coll;
	struct tb_str key;
};

struct tb_agenda_follow;
struct tb_agenda_recheck;

struct tb_agenda {
	struct tb_agenda_follow *follows;
	struct tb_agenda_follow **follows_tail;
	struct tb_agenda_recheck *rechecks;
	struct tb_agenda_recheck **rechecks_tail;
};

void tb_agenda_init(struct tb_agenda *agenda);
/* The dependants of the record `rid` are to be looked at. */
enum tb_err tb_agenda_follow(struct tb_agenda *agenda, struct tb_arena *arena,
			     uint64_t rid, unsigned reasons) tb_must_check;
/* The key's bytes are borrowed. */
enum tb_err tb_agenda_recheck(struct tb_agenda *agenda, struct tb_arena *arena,
			      const struct tb_recheck *recheck) tb_must_check;
/* Take the next one off, in order; false: there is none. */
bool tb_agenda_next_follow(struct tb_agenda *agenda, uint64_t *ret_rid,
			   unsigned *ret_reasons);
bool tb_agenda_next_recheck(struct tb_agenda *agenda, struct tb_recheck *ret);

#endif
