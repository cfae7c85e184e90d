/*
 * For whom an event waits, as commits change it: the delivery record
 * (device_record.h), and with it the counts of events by status
 * (device_tally.h). An event without one is synced. Only for the files that
 * carry the devices' events out.
 */
#ifndef TB_KERNEL_DEVICE_WAIT_H
#define TB_KERNEL_DEVICE_WAIT_H

#include <stdint.h>

#include "kernel/device_record.h"
#include "kernel/view.h"

/* An event comes: PENDING, or SYNCED where it waits for nobody. */
enum tb_err
tb_device_wait_begin(struct tb_view *view, uint64_t id,
		     const struct tb_device_wait *wait) tb_must_check;
/* The delivery will be looked at (tb_view_want). */
enum tb_err tb_device_wait_want(struct tb_view *view,
				uint64_t id) tb_must_check;
/* NOT_FOUND: the event is synced, or there is none. */
enum tb_err tb_device_wait_get(struct tb_view *view, uint64_t id,
			       struct tb_device_wait *ret) tb_must_check;
/* One that is pending waits for one device less; then it may be synced. */
enum tb_err tb_device_wait_less(struct tb_view *view, uint64_t id,
				struct tb_device_wait *wait) tb_must_check;
/* One that is pending fails. */
enum tb_err tb_device_wait_fail(struct tb_view *view, uint64_t id,
				struct tb_device_wait *wait) tb_must_check;

#endif
