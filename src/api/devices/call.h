/*
 * What the handlers of the devices API have in common: who calls, what went
 * wrong, and what the audit trail is told.
 */
#ifndef TB_API_DEVICES_CALL_H
#define TB_API_DEVICES_CALL_H

#include "api/audit.h"
#include "api/devices/caller.h"
#include "codec/json.h"

/* Answers an error, which is not OK, with its status and the words of `flaw`;
 * p NULL: those that are the error's own. */
void tb_devices_answer_flaw(const struct tb_request *req,
			    struct tb_response *res, enum tb_err err,
			    struct tb_str flaw);

/* Who calls. False: it may not, which is answered. */
bool tb_devices_call_open(struct tb_devices_caller *caller, void *state,
			  const struct tb_request *req,
			  struct tb_response *res);
/* Whether it speaks for a device. False: it does not, which is answered. */
bool tb_devices_call_check(const struct tb_devices_caller *caller,
			   const struct tb_request *req,
			   struct tb_response *res, struct tb_str device);
/* The body's object; no member's value below it is looked at but those of
 * arrays. False: it is none, which is answered. */
bool tb_devices_call_object(const struct tb_request *req,
			    struct tb_response *res, struct tb_json *json,
			    struct tb_json_value *ret);
/* The note of what the request changes for a device (empty: for several). */
enum tb_err tb_devices_call_note(const struct tb_request *req,
				 struct tb_response *res, const char *operation,
				 struct tb_str device,
				 struct tb_audit_note *ret) tb_must_check;

#endif
