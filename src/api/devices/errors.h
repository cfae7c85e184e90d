/*
 * The errors of the devices API: `{"error":...}`, and the words that its
 * clients know.
 */
#ifndef TB_API_DEVICES_ERRORS_H
#define TB_API_DEVICES_ERRORS_H

#include "http/route.h"

#define TB_DEVICES_NO_TOKEN "Authentication required"
#define TB_DEVICES_BAD_TOKEN "Invalid or expired token"
#define TB_DEVICES_DENIED "Insufficient permissions"
#define TB_DEVICES_OTHER_DEVICE "device_id does not match the token"
#define TB_DEVICES_OTHER_USER "user_id does not match the token"
#define TB_DEVICES_OWN_TOKEN "this device has its own token"
#define TB_DEVICES_BAD_LOGIN "Invalid username or password"
#define TB_DEVICES_LOCKED                                                      \
	"Account is locked due to multiple failed login attempts"
#define TB_DEVICES_BAD_JSON "Invalid JSON"
#define TB_DEVICES_NOT_OBJECT "Expected an object"
#define TB_DEVICES_NOT_EVENTS "Expected an event or an array of events"
#define TB_DEVICES_BAD_TIMESTAMP "Invalid timestamp format. Use ISO format."
#define TB_DEVICES_BAD_SINCE "Invalid since timestamp format. Use ISO format."
#define TB_DEVICES_BAD_LIMIT "Invalid limit"
#define TB_DEVICES_BAD_AFTER "Invalid after"
#define TB_DEVICES_BAD_OFFSET "Invalid offset"
#define TB_DEVICES_BAD_TYPE "Invalid event_type"
#define TB_DEVICES_BAD_START "Invalid start_date format. Use ISO format."
#define TB_DEVICES_BAD_END "Invalid end_date format. Use ISO format."
#define TB_DEVICES_BAD_ID "Invalid device_id or user_id"
#define TB_DEVICES_LONG_ID "device_id or user_id is too long"
#define TB_DEVICES_NO_DEVICE "Missing device_id parameter"
#define TB_DEVICES_NO_IDS "Missing device_id or user_id parameter"
#define TB_DEVICES_NO_ACK "Missing fields: event_ids or up_to"
#define TB_DEVICES_BAD_ACK_IDS "event_ids must be an array of integers"
#define TB_DEVICES_MANY_ACK_IDS "event_ids holds up to 10000 integers"
#define TB_DEVICES_BAD_ACK_UP_TO "up_to must be an integer from 0 upward"
#define TB_DEVICES_BAD_PRIORITY "priority must be an integer from 0 to 1000"
#define TB_DEVICES_TOO_MANY "Too many devices"
#define TB_DEVICES_TOO_MANY_GAPS                                               \
	"Too many gaps: acknowledge the older events first"

/* The parts of struct tb_api that speak of errors. */
void tb_devices_put_error(struct tb_buf *buf, const struct tb_request *req,
			  const struct tb_http_error *error);
void tb_devices_refuse(const struct tb_request *req, struct tb_response *res,
		       const struct tb_auth_result *result);
void tb_devices_forbid(const struct tb_request *req, struct tb_response *res,
		       unsigned who);

/* {"error":message}; the text is copied. */
void tb_devices_fail(struct tb_response *res, const struct tb_request *req,
		     unsigned status, struct tb_str message);
/* The same with what a 401 must say (RFC 9110, section 15.5.2). */
void tb_devices_fail_401(struct tb_response *res, const struct tb_request *req,
			 struct tb_str message);

#endif
