/*
 * How many retained events of each status there are of a device, of a user,
 * and of a device for a user: a silent record for each that there is (system.h:
 * TB_COLL_TALLY). Its rid is also the scope of these events, so that nothing
 * else is left of who sent something once. It goes when there are none, and
 * another one may come; the feed of that is another scope.
 */
#ifndef TB_KERNEL_DEVICE_TALLY_H
#define TB_KERNEL_DEVICE_TALLY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/device_delivery.h"
#include "kernel/view.h"

/* The key of the record for a device and a user, of which one may be empty; in
 * the arena. */
enum tb_err tb_device_tally_key(struct tb_arena *arena, struct tb_str device,
				struct tb_str user,
				struct tb_str *ret) tb_must_check;
/* From a snapshot; NULL: there is no event of theirs. */
enum tb_err tb_device_tally_find(struct tb_tx *tx, struct tb_arena *arena,
				 uint32_t org, struct tb_str device,
				 struct tb_str user,
				 struct tb_record **ret) tb_must_check;
/* In a commit; 0: there is none. */
enum tb_err tb_device_tally_find_rid(struct tb_view *view, struct tb_str device,
				     struct tb_str user,
				     uint64_t *ret) tb_must_check;
/* The same; makes the record, of no events yet, where there is none. */
enum tb_err tb_device_tally_open(struct tb_view *view, struct tb_str device,
				 struct tb_str user,
				 uint64_t *ret_rid) tb_must_check;

/* What is added to the numbers. */
struct tb_device_tally_change {
	int pending;
	int synced;
	int failed;
};
/* CORRUPT: there is no such record, or not as many events. */
enum tb_err
tb_device_tally_change(struct tb_view *view, uint64_t rid,
		       struct tb_device_tally_change change) tb_must_check;
/* The change by an event of this status that comes (1) or goes (-1). */
struct tb_device_tally_change
tb_device_tally_of(enum tb_device_event_status status, int by);

#endif
