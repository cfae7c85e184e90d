/*
 * The audit chain: one row for each request that wrote, in its commit; each
 * row's hash covers the row before it, so that a changed or missing row is
 * found. What a row says in detail is kept apart under a salted digest, so
 * that it can be erased without breaking the chain. Pure.
 */
#ifndef TB_KERNEL_AUDIT_H
#define TB_KERNEL_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "kernel/store.h"

struct tb_view;

/* Who did what, as the request knows it. Slices are borrowed until the
 * commit has ended. */
struct tb_audit_note {
	const char *event_type;  /* "sites", "admin", "quarantine", ... */
	const char *operation;   /* "push", "acknowledge", ...; NULL: no row */
	const char *status;      /* "ok", "partial", ... */
	struct tb_str principal; /* "site/63", "user/user123", "cli" */
	struct tb_str device;
	struct tb_str request_id;
	struct tb_str address;
	struct tb_str command; /* the command line, a JSON array; or empty */
	struct tb_str detail;  /* JSON object members, or empty */
	uint8_t salt[16];      /* random, from the caller */
	bool *is_written;      /* set to true once the row is durable; else
				* untouched. NULL: nobody asks */
};

/* Appends the note's row to the view's org. Its time is the view's, or that of
 * the row before it where that is later: times never fall along a chain. */
enum tb_err tb_audit_append(struct tb_view *view,
			    const struct tb_audit_note *note) tb_must_check;

/* A row read back. */
struct tb_audit_entry {
	uint64_t n;
	int64_t time_us;
	struct tb_str event_type;
	struct tb_str operation;
	struct tb_str status;
	struct tb_str principal;
	struct tb_str device;
	struct tb_str request_id;
	struct tb_str detail; /* JSON; p NULL when erased */
};
/* CORRUPT: the row or its detail cannot be read. */
enum tb_err tb_audit_decode(struct tb_arena *arena,
			    const struct tb_audit_row *row,
			    struct tb_audit_entry *ret) tb_must_check;

/* Rows that the trail writes of itself have this event_type, and one of these
 * operations. Their details are never erased. */
#define TB_AUDIT_EVENT "audit"
#define TB_AUDIT_DROP "drop"
#define TB_AUDIT_ERASE "erase"
bool tb_audit_is_of_trail(const struct tb_audit_row *row);

/* The hash of a row behind the row of hash `before`. */
void tb_audit_hash(const uint8_t before[32], struct tb_str row,
		   uint8_t ret[32]);

#endif
