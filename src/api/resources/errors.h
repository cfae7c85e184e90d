/*
 * The errors of the resources API: their shapes, and the words that its
 * clients know, which are those of Django REST framework.
 */
#ifndef TB_API_RESOURCES_ERRORS_H
#define TB_API_RESOURCES_ERRORS_H

#include "http/route.h"

#define TB_RESOURCES_NO_TOKEN "Authentication credentials were not provided."
#define TB_RESOURCES_BAD_TOKEN "Given token not valid for any token type"
#define TB_RESOURCES_DENIED "You do not have permission to perform this action."
#define TB_RESOURCES_NOT_FOUND "Not found."
/* Of a type that cannot be repeated. */
#define TB_RESOURCES_BAD_TYPE "Unsupported media type \"\" in request."
#define TB_RESOURCES_BAD_INTEGER "A valid integer is required."
#define TB_RESOURCES_BAD_NUMBER "A valid number is required."
#define TB_RESOURCES_BAD_BOOLEAN "Must be a valid boolean."
#define TB_RESOURCES_BAD_DATETIME                                              \
	"Datetime has wrong format. Use one of these formats instead: "        \
	"YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
#define TB_RESOURCES_BAD_DATE                                                  \
	"Date has wrong format. Use one of these formats instead: YYYY-MM-DD."
#define TB_RESOURCES_BAD_CURSOR "Invalid cursor."
#define TB_RESOURCES_FUTURE "Sync timestamp cannot be in the future."
#define TB_RESOURCES_RESYNC                                                    \
	"Traces of deletions have been dropped since. Download everything "    \
	"again."
/* The `code` of answers about tokens. */
#define TB_RESOURCES_TOKEN_CODE "token_not_valid"

/* The parts of struct tb_api that speak of errors. */
void tb_resources_put_error(struct tb_buf *buf, const struct tb_request *req,
			    const struct tb_http_error *error);
void tb_resources_refuse(const struct tb_request *req, struct tb_response *res,
			 const struct tb_auth_result *result);
void tb_resources_forbid(const struct tb_request *req, struct tb_response *res,
			 unsigned who);

/* {"detail":message}; the text is copied. */
void tb_resources_fail(struct tb_response *res, const struct tb_request *req,
		       unsigned status, struct tb_str message);
/* The same with {"detail","code"} and what a 401 must say (RFC 9110, section
 * 15.5.2). `code` is static or NULL: none. */
void tb_resources_fail_401(struct tb_response *res,
			   const struct tb_request *req, const char *message,
			   const char *code);
/* 429 */
void tb_resources_fail_limited(struct tb_response *res,
			       const struct tb_request *req,
			       uint32_t retry_after_s);
/* {name:message} */
void tb_resources_fail_param(struct tb_response *res,
			     const struct tb_request *req, struct tb_str name,
			     struct tb_str message);
/* {name:[message]} */
void tb_resources_fail_field(struct tb_response *res,
			     const struct tb_request *req, unsigned status,
			     struct tb_str name, struct tb_str message);
/* 410: the client must download everything again. */
void tb_resources_fail_resync(struct tb_response *res,
			      const struct tb_request *req);

#endif
