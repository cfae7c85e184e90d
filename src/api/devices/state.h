/*
 * What the handlers of the devices API share.
 */
#ifndef TB_API_DEVICES_STATE_H
#define TB_API_DEVICES_STATE_H

#include "api/devices/devices.h"
#include "api/devices/seen.h"

struct tb_realtime;

struct tb_devices {
	struct tb_core *core;
	struct tb_auth *auth;
	const struct tb_devices_options *options;
	const struct tb_follows *follows;
	/* Adds to the sums of the audit trail what is no HTTP request. */
	void (*count)(void *ctx, uint32_t org, struct tb_str principal,
		      const char *operation, unsigned status);
	void *count_ctx;
	uint32_t open_org; /* of who sends no token; 0: everybody has to */
	struct tb_seen *seen;
	struct tb_realtime *realtime;
};

#endif
