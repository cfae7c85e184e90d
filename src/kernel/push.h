/*
 * Push: records that a site sends, in one commit. Each is accepted, changes
 * nothing because it is stored already, or goes to the site's quarantine; none
 * holds up another. Sending the same again has no further effect.
 */
#ifndef TB_KERNEL_PUSH_H
#define TB_KERNEL_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/commit.h"
#include "kernel/routing.h"

enum tb_push_action {
	TB_PUSH_UPSERT, /* insert and update */
	TB_PUSH_DELETE,
	TB_PUSH_PATCH, /* data holds the changed members */
	TB_PUSH_MERGE, /* the record is merged into the one that data names */
};

enum tb_push_outcome {
	TB_PUSH_ACCEPTED,
	TB_PUSH_UNCHANGED, /* accepted; nothing was there to do */
	TB_PUSH_REJECTED,  /* see code and message */
};

struct tb_push_item {
	struct tb_str table;
	struct tb_str id;
	enum tb_push_action action;
	struct tb_str data;   /* as it was written */
	struct tb_str record; /* the whole element as it was written */
	/* Why the element could not be read; such a one goes to quarantine.
	 * NULL: it could. Static. */
	const char *refused;
	struct tb_str refused_message;
	uint64_t number;    /* an import's integer id; 0: none is kept */
	int64_t created_us; /* an import's; 0: the commit's own */
	int64_t updated_us;

	/* Set by prepare. */
	const struct tb_collection *collection;
	struct tb_route_words words;
	struct tb_str survivor; /* MERGE: the id in data */

	/* The outcome. */
	enum tb_push_outcome outcome;
	const char *code; /* REJECTED: static */
	struct tb_str message;
};

struct tb_push {
	struct tb_commit commit;
	uint32_t site_id; /* TB_ORIGIN_CENTRE: an import; what it cannot take is
			   * reported, not kept */
	/* The items keep their update times. Only for an org that has no
	 * commits yet: else CONFLICT, and nothing changes. */
	bool keep_times;
	bool may_edit_central;
	bool refuse_unknown;
	struct tb_push_item *items;
	size_t n_items;
	struct tb_arena *arena; /* of the request */
	/* The outcome. */
	size_t n_accepted; /* UNCHANGED included */
	size_t n_rejected;
};

/* Reads what routing and types need from the items' data: pure, on the
 * request's own thread. Fills in the commit but for its note. */
enum tb_err tb_push_prepare(struct tb_push *push,
			    const struct tb_declaration *declaration,
			    uint32_t org) tb_must_check;

/* What its commit does, for a commit that does more than that: wants the
 * records that it will look at; changes the view, and says what came of the
 * items and what its note is to tell. CONFLICT as above; then nothing was
 * changed. */
enum tb_err tb_push_gather(struct tb_push *push,
			   struct tb_view *view) tb_must_check;
enum tb_err tb_push_decide(struct tb_push *push,
			   struct tb_view *view) tb_must_check;

/* Tables that are not declared, of one site. */
#define TB_PUSH_TABLES_MAX 4096u

/* The codes of rejected records. */
#define TB_PUSH_CODE_INVALID "sync_record_invalid"
#define TB_PUSH_CODE_UNKNOWN_TABLE "table_unknown"
#define TB_PUSH_CODE_NOT_YOURS "store_not_on_site"
#define TB_PUSH_CODE_CENTRAL "central_not_permitted"
#define TB_PUSH_CODE_NOT_FOUND "record_not_found"
#define TB_PUSH_CODE_NO_HOME "route_missing"
#define TB_PUSH_CODE_TYPE "field_invalid"
#define TB_PUSH_CODE_SCOPES "too_many_stores"
#define TB_PUSH_CODE_ID "record_id_invalid"
#define TB_PUSH_CODE_FULL "quarantine_full"

#endif
