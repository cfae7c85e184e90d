/*
 * What all edits of records have in common: who may, what was sent, the commit
 * and the record as the answer. The steps are called in their order; each that
 * returns false has made the answer. Lives on the handler's stack and is not
 * moved.
 */
#ifndef TB_API_RESOURCES_WRITE_H
#define TB_API_RESOURCES_WRITE_H

#include "api/resources/edit.h"
#include "api/resources/one.h"

struct tb_resources_write {
	struct tb_resources_call call;
	struct tb_edit_rules rules;
	struct tb_tx *tx;              /* the snapshot that is open, or NULL */
	struct tb_resources_seen seen; /* of CREATE no record */
	struct tb_resources_form form;
	struct tb_edit_changes changes;
	struct tb_resource resource;
};

/* "Checks come in this order: 401, 404, 403, 400": finds the collection and,
 * but for CREATE, the record that the path names, and whether the caller may do
 * this. */
bool tb_resources_write_open(struct tb_resources_write *write, void *state,
			     const struct tb_request *req,
			     struct tb_response *res,
			     enum tb_resource_action action);
/* Reads the body's object into the form. */
bool tb_resources_write_read(struct tb_resources_write *write);
/* Reads what is to be written; then whatever is wrong with the form is
 * answered. */
bool tb_resources_write_decode(struct tb_resources_write *write);
/* If-Match: the edit then depends on the state that the caller knows. */
bool tb_resources_write_match(struct tb_resources_write *write);
/* Commits. False, too, for what changed nothing but for REPEATED and STALE. */
bool tb_resources_write_commit(struct tb_resources_write *write);

/* Answers with the record as the commit left it. */
void tb_resources_write_answer(struct tb_resources_write *write,
			       unsigned status);
/* Appends that record as its caller sees it. */
enum tb_err tb_resources_write_put(struct tb_resources_write *write,
				   struct tb_buf *buf) tb_must_check;

#endif
