/*
 * What is kept of devices' events, as records: the events themselves and, of
 * those that wait for devices or have failed, the deliveries; and the counters
 * that say which events there are. Only for the files that carry the devices'
 * events out.
 */
#ifndef TB_KERNEL_DEVICE_RECORD_H
#define TB_KERNEL_DEVICE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/device_event.h"
#include "kernel/view.h"

/* Names the records of an event: its id in decimal, in the arena. */
enum tb_err tb_device_event_key(struct tb_arena *arena, uint64_t id,
				struct tb_str *ret) tb_must_check;

/* An event's record:
 *   {"kind":0,"device":"","type":"","user":"","name":"","timestamp":[at,n],
 *    "payload":[at,n],"sent":{}}
 * where `name` is the item's in hex, `sent` is as its author wrote it, and the
 * pairs say where in it the others stand. User, name and timestamp may be
 * missing. */
enum tb_err tb_device_event_encode(struct tb_arena *arena,
				   const struct tb_device_push_item *item,
				   struct tb_str *ret) tb_must_check;
/* `record` lives as long as the result, which says nothing of the status.
 * `ret_name` (may be NULL): what it is known again by, 32 bytes in the arena,
 * or empty. CORRUPT. */
enum tb_err tb_device_event_decode(struct tb_arena *arena,
				   const struct tb_record *record,
				   struct tb_device_event *ret,
				   struct tb_str *ret_name) tb_must_check;
/* What tells of a record's body whether it is wanted, without reading it. */
bool tb_device_event_is_critical(struct tb_str body);
/* `quoted`: the device as a JSON string. */
bool tb_device_event_is_of(struct tb_str body, struct tb_str quoted);

/* A delivery: of an event that waits for devices, or that failed. Who sent it
 * is said by the records that count events (device_tally.h), so that nobody
 * has to read the event when its status changes: that of its device comes
 * first, then, if it has a user, the user's and that of both. */
#define TB_DELIVERY_TALLIES_MAX 3
struct tb_device_wait {
	enum tb_device_event_status status; /* PENDING or FAILED */
	bool is_critical;
	uint32_t waiting_for; /* devices; PENDING: at least one */
	uint64_t tallies[TB_DELIVERY_TALLIES_MAX]; /* rids */
	size_t n_tallies;
};
enum tb_err tb_device_wait_encode(struct tb_arena *arena,
				  const struct tb_device_wait *wait,
				  struct tb_str *ret) tb_must_check;
enum tb_err tb_device_wait_decode(struct tb_arena *arena,
				  const struct tb_record *record,
				  struct tb_device_wait *ret) tb_must_check;

/* The last event of the org, and the last of those that are no longer there;
 * as a commit sees it. Feeds do not show the events of its own group yet, which
 * are those above `head_stored`. */
enum tb_err tb_device_head_get(struct tb_view *view,
			       uint64_t *ret) tb_must_check;
enum tb_err tb_device_head_stored(struct tb_view *view,
				  uint64_t *ret) tb_must_check;
enum tb_err tb_device_head_put(struct tb_view *view,
			       uint64_t head) tb_must_check;
enum tb_err tb_device_floor_get(struct tb_view *view,
				uint64_t *ret) tb_must_check;
enum tb_err tb_device_floor_put(struct tb_view *view,
				uint64_t floor) tb_must_check;

#endif
