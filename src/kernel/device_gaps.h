/*
 * Keeps a device's marks short: gaps in which there is nothing for it to
 * acknowledge, because the events are of the other kind or its own, are closed.
 * Which events those are is looked up in the feeds.
 */
#ifndef TB_KERNEL_DEVICE_GAPS_H
#define TB_KERNEL_DEVICE_GAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/device_marks.h"
#include "kernel/view.h"

struct tb_device_gaps {
	struct tb_view *view;
	struct tb_device_marks *marks;
	uint64_t own;    /* the scope of the device's events; 0: none */
	uint64_t stored; /* feeds show the events up to here */
};
enum tb_err tb_device_gaps_init(struct tb_device_gaps *gaps,
				struct tb_view *view, struct tb_str device,
				struct tb_device_marks *marks) tb_must_check;
/* What is done of the one kind may go on behind `done`, and below and behind
 * an island from `first` to `last`. How many events are looked at is bounded;
 * what is left may be closed another time. */
enum tb_err tb_device_gaps_close_first(struct tb_device_gaps *gaps,
				       bool is_critical) tb_must_check;
enum tb_err tb_device_gaps_close_around(struct tb_device_gaps *gaps,
					bool is_critical, uint64_t first,
					uint64_t last) tb_must_check;

#endif
