/*
 * A body as the resources API takes one: an object, and what is wrong with its
 * fields, collected so that one answer says it all. The words are those that
 * clients of such APIs know:
 *   400 {"username":["This field is required."]}
 *   400 {"non_field_errors":["Invalid data. Expected a dictionary, ..."]}
 *   400 {"detail":"JSON parse error - ..."}
 * Lives on the stack for one request and is not moved; memory is the
 * request's arena's.
 */
#ifndef TB_API_RESOURCES_FORM_H
#define TB_API_RESOURCES_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/json.h"
#include "http/response.h"

#define TB_FORM_REQUIRED TB_STR("This field is required.")
#define TB_FORM_BLANK TB_STR("This field may not be blank.")
#define TB_FORM_NULL TB_STR("This field may not be null.")
#define TB_FORM_NO_STRING TB_STR("Not a valid string.")

/* More are not told; who sends a body with more mistakes sees these first. */
#define TB_FORM_ERRORS_MAX 64

struct tb_resources_form {
	struct tb_arena *arena;
	struct tb_json json;
	struct tb_json_value object; /* absent: the body was empty */
	struct {
		struct tb_str field;
		struct tb_str message;
	} errors[TB_FORM_ERRORS_MAX];
	size_t n_errors;
	enum tb_err err; /* the first failure that is not the client's */
};

/* Reads the request's body, an empty one as `{}`. False: it is none, and the
 * answer was made. */
bool tb_resources_form_open(struct tb_resources_form *form,
			    const struct tb_request *req,
			    struct tb_response *res);

/* Says what is wrong with a field; a field's first error counts. Both strings
 * are borrowed until the answer is made. */
void tb_resources_form_error(struct tb_resources_form *form,
			     struct tb_str field, struct tb_str message);

/* A member that must be there and say something: a string, or a number as it
 * was written. p NULL: it is wrong, and the form has the error. */
struct tb_str tb_resources_form_text(struct tb_resources_form *form,
				     const char *name);

/* Makes the answer if anything was wrong, 400, or failed; true if so. */
bool tb_resources_form_refuse(const struct tb_resources_form *form,
			      const struct tb_request *req,
			      struct tb_response *res);

#endif
