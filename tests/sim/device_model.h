/*
 * What devices and their events are to be like, kept as plain sets: for each
 * event whom it waits for, for each device what it has. Nothing is clever here.
 */
#ifndef TB_TESTS_DEVICE_MODEL_H
#define TB_TESTS_DEVICE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/device_delivery.h"
#include "kernel/device_upkeep.h"
#include "kernel/registration.h"

#define MODEL_DEVICES 12
#define MODEL_DEVICES_MAX 10 /* that may be registered */
#define MODEL_USERS 3        /* the first is none */
#define MODEL_EVENTS 4000

struct model_event {
	enum tb_device_event_kind kind;
	unsigned device;
	unsigned user;
	unsigned client_id; /* 0: none */
	int64_t arrived_us;
	enum tb_device_event_status status;
	bool is_gone;
	bool waits[MODEL_DEVICES];
};

struct model_device {
	bool is_registered;
	enum tb_registration_state state;
	unsigned role;
	int64_t seen_us;
	uint64_t first;
	uint64_t missed_from; /* what went up to here was told */
	bool has[MODEL_EVENTS];
};

struct model {
	int64_t now_us;
	uint64_t head;
	uint64_t floor;
	struct model_event events[MODEL_EVENTS]; /* by id */
	struct model_device devices[MODEL_DEVICES];
};

/* What is pushed: its id, or 0 where there are too many devices. */
uint64_t model_push(struct model *m, const struct model_event *event,
		    bool *ret_repeated);
/* The same; false: too many devices. */
bool model_register(struct model *m, unsigned device);
/* It was seen now. */
void model_see(struct model *m, unsigned device);
/* How many are new: of ids up to `head`, sorted or not. */
uint64_t model_acknowledge(struct model *m, unsigned device,
			   const uint64_t *ids, size_t n, uint64_t head);
void model_retire(struct model *m, unsigned device, bool retired);
enum tb_err model_give_up(struct model *m, uint64_t id);
void model_keep_up(struct model *m, const struct tb_device_ages *ages);
/* True if there is anything to do. */
bool model_is_due(const struct model *m, const struct tb_device_ages *ages);

/* True if a device is to be given an event. */
bool model_gets(const struct model *m, unsigned device, uint64_t id);
unsigned model_waiting(const struct model_event *event);

#endif
