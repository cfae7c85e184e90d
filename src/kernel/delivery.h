/*
 * Delivery to sites: the queue of a site (its scopes merged, above what it
 * acknowledged), the central feed by cursor, acknowledgement, initialisation.
 * Pages are read from a snapshot; marks move in commits.
 */
#ifndef TB_KERNEL_DELIVERY_H
#define TB_KERNEL_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/commit.h"
#include "kernel/consumer.h"
#include "kernel/core.h"

enum tb_delivery_action {
	TB_DELIVER_INSERT,
	TB_DELIVER_UPDATE,
	TB_DELIVER_DELETE,
	TB_DELIVER_HOLE, /* central: the number was given up */
};

/* One row of a page; slices are borrowed during the call. */
struct tb_delivery {
	enum tb_delivery_action action;
	uint64_t sequence;
	uint32_t origin;
	struct tb_str table;
	struct tb_str id;
	struct tb_str data; /* `{}` for a deletion */
};

/* Takes a row; false ends the page before it (it is full). */
typedef bool tb_delivery_fn(void *ctx, const struct tb_delivery *row);

struct tb_delivery_reader {
	struct tb_core *core;
	struct tb_tx *tx; /* a snapshot */
	struct tb_arena *arena;
	uint32_t org;
	tb_delivery_fn *take;
	void *ctx;
	uint64_t central_floor; /* of its consumer: tombstones up to here went
				 * before it began, so it need not have seen
				 * them */
};

/* A page of a site's queue: entries that are not acknowledged, in order, each
 * record once. */
struct tb_queue_page {
	size_t n;
	uint64_t last;   /* sequence of the last row; 0: none */
	uint64_t passed; /* nothing up to here is left in the queue; 0: not
			  * known, because something is */
	bool must_mark;  /* tb_delivery_mark before the page leaves */
};
enum tb_err tb_delivery_queue(const struct tb_delivery_reader *reader,
			      const struct tb_consumer *consumer, size_t limit,
			      struct tb_queue_page *ret) tb_must_check;
/* Entries in the queue, counted up to `max`; the oldest one's time. */
struct tb_queue_length {
	size_t n;
	uint64_t oldest; /* its sequence; 0: none */
	int64_t oldest_time_us;
};
enum tb_err tb_delivery_queue_length(struct tb_tx *tx,
				     const struct tb_consumer *consumer,
				     size_t max,
				     struct tb_queue_length *ret) tb_must_check;
/* Everything that the page holds was sent, and what it passed needs no further
 * walk: durable when it returns. Scopes that the site follows, or begins anew,
 * only since the page's marks were read stay as they are. */
enum tb_err tb_delivery_mark(struct tb_core *core, uint32_t org,
			     const struct tb_consumer *as_read,
			     const struct tb_queue_page *page) tb_must_check;

/* A page of the central feed: the numbers above `cursor`, at most `limit` of
 * them, holes included; a page that would be holes alone is one hole, the last
 * of the run. With `skip_holes`: up to `limit` rows and no holes. RESYNC:
 * `cursor` is above the head, or below what was kept for it. */
struct tb_central_page {
	size_t n;
	uint64_t last; /* the last number it covers; the cursor if none */
	uint64_t head; /* of the central feed in this snapshot */
};
enum tb_err tb_delivery_central(const struct tb_delivery_reader *reader,
				uint64_t cursor, size_t limit, bool skip_holes,
				struct tb_central_page *ret) tb_must_check;
/* A site that was not known to read the central feed begins to, at `cursor`;
 * or one that did starts over, at 0. From now on, durably, tombstones are kept
 * for it. RESYNC as above. `*ret_floor`: its central_floor. */
enum tb_err tb_delivery_begin_central(struct tb_core *core, uint32_t org,
				      uint32_t site_id, uint64_t cursor,
				      uint64_t *ret_floor) tb_must_check;

/* What an element of an acknowledgement names: an entry by its sequence, or
 * by record. */
struct tb_ack_item {
	uint64_t sequence;   /* 0: by record */
	struct tb_str table; /* p NULL: in whatever table */
	struct tb_str id;
};

/* Acknowledges entries that were delivered; what is unknown is ignored.
 * `*ret_n`: how many left the queue. Resolves records in a snapshot, then
 * runs one commit. Sorts nothing the caller sees. */
enum tb_err tb_delivery_acknowledge(struct tb_core *core,
				    struct tb_arena *arena,
				    const struct tb_audit_note *note,
				    uint32_t org, uint32_t site_id,
				    const struct tb_ack_item *items, size_t n,
				    size_t *ret_n) tb_must_check;

/* Puts the site's marks back to the beginning, its own records included;
 * while an initialisation is under way nothing happens, unless `force`. */
enum tb_err tb_delivery_initialise(struct tb_core *core,
				   const struct tb_audit_note *note,
				   uint32_t org, uint32_t site_id,
				   bool force) tb_must_check;

/* What was seen of a site's calls since they were last written down. */
struct tb_site_activity {
	uint32_t site_id;
	int64_t last_push_us; /* 0: none */
	int64_t last_pull_us;
	int64_t seen_us;
	bool has_skew;
	int64_t clock_skew_us;
	bool has_central;
	uint64_t central_to;
};
/* Writes activities of one org down, in one commit. */
enum tb_err tb_delivery_note_activity(struct tb_core *core, uint32_t org,
				      const struct tb_site_activity *activities,
				      size_t n) tb_must_check;

#endif
