/*
 * Moving an org's records and events in and out as a whole. An import is a
 * push by the centre (kernel/push.h), and a post of events (kernel/event.h);
 * here is what surrounds it, and the export. Rules are read and put as ever
 * (kernel/acl_store.h).
 */
#ifndef TB_KERNEL_TRANSFER_H
#define TB_KERNEL_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/core.h"

struct tb_audit_note;

/* A record as it is exported; slices are borrowed during the call. */
struct tb_export_row {
	uint64_t rid;
	struct tb_str table;
	struct tb_str id;
	struct tb_str data;
	uint64_t number; /* its integer id; 0: it has none */
	bool deleted;
	int64_t created_us;
	int64_t updated_us;
};
/* Takes a row; an error ends the export and is its result. */
typedef enum tb_err tb_export_fn(void *ctx, const struct tb_export_row *row);

/* Gives all records of an org's collections, each at least once, scope by
 * scope; what changes meanwhile is given as it was or as it is. Reads in
 * snapshots that are short. */
enum tb_err tb_transfer_export(struct tb_core *core, uint32_t org,
			       tb_export_fn *take, void *ctx) tb_must_check;

/* The same, and between its snapshots `pause` is called, which may commit what
 * rows asked for; an error ends the walk and is its result. A record that moves
 * is given again. */
typedef enum tb_err tb_export_pause_fn(void *ctx);
enum tb_err tb_transfer_walk(struct tb_core *core, uint32_t org,
			     tb_export_fn *take, tb_export_pause_fn *pause,
			     void *ctx) tb_must_check;

/* The id that a collection's next record gets, which is above those of records
 * that are there no more. */
struct tb_next_id {
	struct tb_str table;
	uint64_t id;
};
/* Those of the declared collections with integer ids that have any, in the
 * arena. */
enum tb_err tb_transfer_next_ids(struct tb_core *core, struct tb_arena *arena,
				 uint32_t org, struct tb_next_id **ret,
				 size_t *ret_n) tb_must_check;
/* From now on ids are given from there on at least. What is not declared with
 * integer ids is left out. */
enum tb_err tb_transfer_raise_ids(struct tb_core *core, uint32_t org,
				  const struct tb_next_id *list,
				  size_t n) tb_must_check;

/* Takes an event's body, borrowed during the call; an error ends the export and
 * is its result. */
typedef enum tb_err tb_export_event_fn(void *ctx, struct tb_str body);

/* Gives an org's events in the order of its history, each once. Reads in
 * snapshots that are short; what is posted meanwhile may be among them. */
enum tb_err tb_transfer_export_events(struct tb_core *core, uint32_t org,
				      tb_export_event_fn *take,
				      void *ctx) tb_must_check;

/* Ends an import that kept times: from now on the org counts as used. Writes
 * the note as an audit row. */
enum tb_err tb_transfer_seal(struct tb_core *core,
			     const struct tb_audit_note *note,
			     uint32_t org) tb_must_check;

#endif
