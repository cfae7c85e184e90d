/*
 * What a device has acknowledged of the events of its org: of the critical ones
 * and of the others, each by marks of its own, so that who only listens to the
 * one kind leaves no gaps. In the marks of one kind the ids of the other mean
 * nothing. A device's own events count as done, whether they are marked or not.
 * Pure.
 */
#ifndef TB_KERNEL_DEVICE_MARKS_H
#define TB_KERNEL_DEVICE_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/marks.h"

struct tb_device_marks {
	struct tb_marks critical;
	struct tb_marks others;
};

/* Those of the one kind or the other. */
static inline struct tb_marks *tb_device_marks_of(struct tb_device_marks *marks,
						  bool is_critical)
{
	return is_critical ? &marks->critical : &marks->others;
}

bool tb_device_marks_have(const struct tb_device_marks *marks, bool is_critical,
			  uint64_t id);
/* The first id at or above this one at which an event may be not done,
 * whichever kind it is of. */
uint64_t tb_device_marks_next(const struct tb_device_marks *marks, uint64_t id);
/* The first id at or above this one at which an event is done, whichever kind
 * it is of. */
uint64_t tb_device_marks_next_done(const struct tb_device_marks *marks,
				   uint64_t id);
/* Where events up to `floor` (tb_device_floor) are no longer there: up to
 * which some went before the device acknowledged them; 0: none. */
uint64_t tb_device_marks_missed(const struct tb_device_marks *marks,
				uint64_t floor);

/* As JSON, in the arena. */
enum tb_err tb_device_marks_encode(struct tb_arena *arena,
				   const struct tb_device_marks *marks,
				   struct tb_str *ret) tb_must_check;
/* CORRUPT: not what encode makes. */
enum tb_err tb_device_marks_decode(struct tb_arena *arena, struct tb_str text,
				   struct tb_device_marks *ret) tb_must_check;

#endif
