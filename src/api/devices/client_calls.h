/*
 * What clients may ask for: the events of docs/api/devices.md that they send,
 * as a table.
 */
#ifndef TB_API_DEVICES_CLIENT_CALLS_H
#define TB_API_DEVICES_CLIENT_CALLS_H

#include "api/devices/task.h"
#include "codec/json.h"

struct tb_client_call {
	const char *name;
	bool is_for_sites; /* which only follow changes */
	/* On a worker, with the event's argument, which is an object. It
	 * answers. */
	void (*work)(struct tb_task *task, struct tb_json_value arg);
	/* Then on the loop; not where the answer is an error. NULL. */
	void (*done)(struct tb_task *task);
};

/* An event of a client that has joined. False: it is worked on. */
bool tb_client_calls_begin(struct tb_peer *peer,
			   const struct tb_client_event *event);

/* calls_events.c */
void tb_call_critical_event(struct tb_task *task, struct tb_json_value arg);
void tb_call_sync_update(struct tb_task *task, struct tb_json_value arg);
void tb_call_acknowledge(struct tb_task *task, struct tb_json_value arg);
void tb_call_acknowledge_done(struct tb_task *task);
void tb_call_heartbeat(struct tb_task *task, struct tb_json_value arg);
/* calls_session.c */
void tb_call_register_device(struct tb_task *task, struct tb_json_value arg);
void tb_call_register_device_done(struct tb_task *task);
void tb_call_authenticate(struct tb_task *task, struct tb_json_value arg);
void tb_call_authenticate_done(struct tb_task *task);
/* subscribe.c */
void tb_call_subscribe(struct tb_task *task, struct tb_json_value arg);
void tb_call_subscribe_done(struct tb_task *task);
void tb_call_unsubscribe(struct tb_task *task, struct tb_json_value arg);
void tb_call_unsubscribe_done(struct tb_task *task);

#endif
