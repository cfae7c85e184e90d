/*
 * What devices send: events, numbered from 1 in their org in the order of
 * arrival, which is also that of their times. An event's record never changes;
 * its number is a fixed entry (record.h) in the feed of all events, in those
 * of its device, its user and the two together, and, unless it is plain, in
 * the feed of what goes out in real time, and in that of the critical ones if
 * it is. Whom it still waits for is kept apart (device_delivery.h).
 */
#ifndef TB_KERNEL_DEVICE_EVENT_H
#define TB_KERNEL_DEVICE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/commit.h"

/* Of a device's id, a user's, a type and an id that its device gave it,
 * decoded. */
#define TB_DEVICE_TEXT_MAX_BYTES 200

enum tb_device_event_kind {
	TB_DEVICE_EVENT_PLAIN,    /* pulled only */
	TB_DEVICE_EVENT_CRITICAL, /* sent in real time, and redelivered */
	TB_DEVICE_EVENT_UPDATE,   /* sent in real time, once */
};

enum tb_device_event_status {
	TB_DEVICE_EVENT_PENDING,
	TB_DEVICE_EVENT_SYNCED,
	TB_DEVICE_EVENT_FAILED,
};
/* "pending", "synced", "failed". */
const char *tb_device_event_status_name(enum tb_device_event_status status);

struct tb_device_event {
	uint64_t id;
	int64_t arrived_us;
	enum tb_device_event_kind kind;
	enum tb_device_event_status status;
	uint32_t waiting_for; /* PENDING: devices */
	struct tb_str device;
	struct tb_str user; /* empty: none */
	struct tb_str type;
	struct tb_str sent;      /* the object as its author wrote it */
	struct tb_str payload;   /* JSON, in `sent` */
	struct tb_str timestamp; /* JSON, in `sent`; empty: none */
};

/* Events that one request pushes, in one commit. Each is judged by itself.
 * Their senders get registered, but not by updates, which clients send that are
 * no devices. */
struct tb_device_push_item {
	enum tb_device_event_kind kind;
	struct tb_str device;
	bool is_no_devices; /* `device` names who sent it otherwise: nobody is
			     * registered by it */
	struct tb_str user; /* empty: none */
	struct tb_str type;
	struct tb_str sent;      /* a JSON object */
	struct tb_str payload;   /* JSON, a slice of `sent` */
	struct tb_str timestamp; /* the same; empty: none */
	struct tb_str client_id; /* decoded; empty: none */

	/* Set by tb_device_push_prepare. */
	bool is_named; /* it can be known again */
	uint8_t name[32];

	/* The result. */
	enum tb_err err;    /* OK, or CONFLICT: too many devices */
	uint64_t id;        /* its own, or of the event that it repeats */
	bool is_repeated;   /* nothing was stored */
	int64_t arrived_us; /* when that event did */
};

struct tb_device_push {
	struct tb_commit commit; /* kind, org and weight by
				  * tb_device_push_prepare; the note is the
				  * caller's */
	struct tb_device_push_item *items;
	size_t n;
	uint64_t devices_max; /* registered ones, of the org */
	struct tb_arena *arena;
	size_t n_stored; /* the result */
	char detail[64]; /* of the audit note, which is set here */
};

/* Names the items: by device and client_id, else by device, type, payload as
 * JSON and the moment of the timestamp, if there is one. Pure; on the request's
 * own thread. NOMEM; CORRUPT: a payload that is no JSON, a timestamp that is no
 * time. */
enum tb_err tb_device_push_prepare(struct tb_device_push *push,
				   uint32_t org) tb_must_check;

#endif
