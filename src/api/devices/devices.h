/*
 * The devices API: devices push events and pull each other's, critical ones
 * go out in real time. docs/api/devices.md is what it promises.
 */
#ifndef TB_API_DEVICES_DEVICES_H
#define TB_API_DEVICES_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"

struct tb_devices;

/* Who may call without a token. */
enum tb_devices_auth {
	TB_DEVICES_TOKEN, /* nobody */
	TB_DEVICES_OPEN,  /* everybody */
};

struct tb_devices_options {
	unsigned auth;   /* enum tb_devices_auth; TOKEN */
	const char *org; /* of who sends no token; empty: the only one */
	bool open_to_network;
	uint32_t token_lifetime_s; /* of POST login; 3600 */

	uint32_t batch_max;    /* events in a push; 1,000 */
	uint32_t devices_max;  /* registered in an org; 10,000 */
	uint32_t absent_days;  /* of a device that counts no more; 30 */
	uint32_t pending_days; /* of an event, before it failed; 30 */
	uint32_t keep_days;    /* of an event that is not pending; 365 */
	uint32_t deadline_s;   /* of a critical event; 300 */
	/* Rows that a search of the audit trail looks at; 1,000,000. */
	uint64_t audit_scan_max;

	/* Real time. */
	uint32_t window;            /* not acknowledged, in a redelivery; 64 */
	uint32_t redeliver_s;       /* without an acknowledgement; 30 */
	uint32_t loops;             /* threads that serve clients; 2 */
	uint32_t workers;           /* and that do what these ask for; 16 */
	uint32_t clients_max;       /* 20,000 */
	uint32_t events_per_s;      /* of a client; 200 */
	uint32_t outbox_bytes;      /* of a client; 1 MiB */
	uint32_t message_max_bytes; /* of what a client sends; 1 MiB */
	uint32_t connect_timeout_s; /* to the first namespace; 10 */
	uint32_t upgrade_timeout_s; /* to the end of an upgrade; 10 */
	uint32_t ping_interval_s;   /* 25 */
	uint32_t ping_timeout_s;    /* 20 */
};
extern const struct tb_devices_options tb_devices_default_options;

/* Borrows what is in `env` for its life. NOT_FOUND: the org of who sends no
 * token is not there; `env->problem` says so. */
enum tb_err tb_devices_create(const struct tb_api_env *env,
			      struct tb_devices **ret) tb_must_check;
void tb_devices_destroy(struct tb_devices *devices); /* takes NULL */

/* Why these options must not be served on this address; NULL: they may. */
const char *tb_devices_refusal(const void *options, const char *listen);

extern const struct tb_api tb_devices_api;

#endif
