/*
 * The errors of the events API: their shape, and the words that its clients
 * know.
 */
#ifndef TB_API_EVENTS_ERRORS_H
#define TB_API_EVENTS_ERRORS_H

#include "http/route.h"

#define TB_EVENTS_BAD_JSON "Invalid JSON format"
#define TB_EVENTS_MISSING "Missing required fields"
#define TB_EVENTS_TOO_LONG "Field too long"
#define TB_EVENTS_BAD_TIME "Invalid timestamp"
#define TB_EVENTS_BAD_FROM "Invalid timestamp parameter"
#define TB_EVENTS_BAD_CURSOR "Invalid cursor"
#define TB_EVENTS_BAD_LIMIT "Invalid limit"
#define TB_EVENTS_DENIED "Insufficient permissions"
#define TB_EVENTS_EXISTS "Event already exists"
#define TB_EVENTS_BAD_REQUEST "Invalid request format"
#define TB_EVENTS_NO_TOKEN "Authorization header required"
#define TB_EVENTS_BAD_TOKEN "Invalid or expired token"
#define TB_EVENTS_BAD_LOGIN "Invalid username or password"
#define TB_EVENTS_LIMITED "Too many failed logins, try again later"
#define TB_EVENTS_NOT_ADMIN "Administrator privileges required"

/* The parts of struct tb_api that speak of errors. */
void tb_events_put_error(struct tb_buf *buf, const struct tb_request *req,
			 const struct tb_http_error *error);
void tb_events_refuse(const struct tb_request *req, struct tb_response *res,
		      const struct tb_auth_result *result);
void tb_events_forbid(const struct tb_request *req, struct tb_response *res,
		      unsigned who);

/* An error in the API's shape; `message` is static. */
void tb_events_fail(struct tb_response *res, const struct tb_request *req,
		    unsigned status, const char *message);
/* The same, naming an event: {"error","eventUuid"}. */
void tb_events_fail_event(struct tb_response *res, const struct tb_request *req,
			  unsigned status, const char *message,
			  struct tb_str uuid);
/* 401 with what it would take (RFC 9110, section 15.5.2). */
void tb_events_fail_401(struct tb_response *res, const struct tb_request *req,
			const char *message);

#endif
