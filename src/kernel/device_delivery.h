/*
 * Delivery to devices. Of an event that some registered device has not
 * acknowledged a record says how many it waits for; it goes when there are
 * none, and then the event is synced. Which events a device has is in its
 * marks (registration.h). Pages are read from a snapshot.
 */
#ifndef TB_KERNEL_DEVICE_DELIVERY_H
#define TB_KERNEL_DEVICE_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/core.h"
#include "kernel/device_event.h"
#include "kernel/device_marks.h"

/* The last event of an org; 0: none. From memory, or a snapshot. */
enum tb_err tb_device_head(struct tb_tx *tx, uint32_t org,
			   uint64_t *ret) tb_must_check;
/* Events up to here are no longer there; 0: all are. */
enum tb_err tb_device_floor(struct tb_tx *tx, struct tb_arena *arena,
			    uint32_t org, uint64_t *ret) tb_must_check;
/* The highest event that arrived at or before a time: a `since` as an
 * `after`. */
enum tb_err tb_device_find_time(struct tb_tx *tx, uint32_t org, int64_t us,
				uint64_t *ret) tb_must_check;

enum tb_device_feed {
	TB_DEVICE_FEED_ALL,
	TB_DEVICE_FEED_LIVE,    /* critical ones and updates */
	TB_DEVICE_FEED_SENDER,  /* of `device` and `user`, where they are set */
	TB_DEVICE_FEED_OVERDUE, /* critical ones that are pending */
};

/* Which events a page is of. */
struct tb_device_query {
	uint32_t org;
	enum tb_device_feed feed;
	struct tb_str device; /* SENDER */
	struct tb_str user;   /* SENDER */
	uint64_t after;       /* exclusive */
	uint64_t until;       /* inclusive */
	bool backwards;       /* SENDER */
	size_t limit;
	size_t max_bytes; /* of their records' bodies, which are some longer
			   * than `sent`; one event always fits */
	/* Those that are done are left out, and those of `not_device`. NULL,
	 * empty: none. */
	const struct tb_device_marks *marks;
	struct tb_str not_device;
	bool only_critical; /* ALL, LIVE */
};

struct tb_device_page {
	struct tb_device_event *events; /* in the arena */
	size_t n;
	uint64_t last; /* go on behind (backwards: before) this one; `until`
			* (`after`) where nothing is left */
	bool has_more; /* also where the page is not full, or empty, after
			* many events that were left out */
};
/* Backwards, and OVERDUE: without marks and `not_device`. An empty page is no
 * error. */
enum tb_err tb_device_read(struct tb_tx *tx, struct tb_arena *arena,
			   const struct tb_device_query *query,
			   struct tb_device_page *ret) tb_must_check;
/* One event. NOT_FOUND. */
enum tb_err tb_device_find(struct tb_tx *tx, struct tb_arena *arena,
			   uint32_t org, uint64_t id,
			   struct tb_device_event *ret) tb_must_check;

/* How many retained events a device sent, or a user, or one for the other. */
struct tb_device_tally {
	uint64_t pending;
	uint64_t synced;
	uint64_t failed;
};
enum tb_err tb_device_tally_read(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, struct tb_str device,
				 struct tb_str user,
				 struct tb_device_tally *ret) tb_must_check;

/* What a device says that it has. */
struct tb_device_ack {
	struct tb_str device;
	const uint64_t *ids; /* n > 0, or up_to */
	size_t n;
	uint64_t up_to;
	uint64_t devices_max;

	/* The result. */
	uint64_t n_new;    /* that were not acknowledged before */
	uint64_t *unknown; /* in the arena: ids of no event, now or ever */
	size_t n_unknown;
};
/* Durable. Registers a device that is not. Runs several commits where there is
 * much; each is whole, and all may be repeated. CONFLICT: too many devices.
 * TOO_LARGE: too many gaps. */
enum tb_err tb_device_acknowledge(struct tb_core *core, struct tb_arena *arena,
				  const struct tb_audit_note *note,
				  uint32_t org,
				  struct tb_device_ack *ack) tb_must_check;

/* An operator gives a pending event up. NOT_FOUND; CONFLICT: not pending. */
enum tb_err tb_device_give_up(struct tb_core *core,
			      const struct tb_audit_note *note, uint32_t org,
			      uint64_t id) tb_must_check;

#endif
