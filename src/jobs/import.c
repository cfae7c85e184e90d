#include "jobs/import.h"

#include "jobs/note.h"

struct import {
	struct tb_core *core;
	struct tb_arena *arena;
	const struct tb_connector_task *task;
	struct tb_job_checkpoint *checkpoint;
	struct tb_push *push;
	struct tb_str *entities; /* of the push's items */
	struct tb_job_reject *rejects;
};

static const struct tb_source_entity *
entity_of(const struct tb_connector_task *task,
	  const struct tb_connector_record *record)
{
	return record->entity ? record->entity : task->entity;
}

struct tb_job_reject tb_import_reject(struct tb_core *core,
				      const struct tb_connector_task *task,
				      const struct tb_connector_record *record)
{
	return (struct tb_job_reject) {
		.at_us = tb_core_now_us(core),
		.entity = entity_of(task, record)->name,
		.record = record->key,
		.code = tb_str_z(record->refused),
		.message = record->message,
	};
}

static void add_item(struct import *import,
		     const struct tb_connector_record *record)
{
	import->entities[import->push->n_items] =
		entity_of(import->task, record)->name;
	import->push->items[import->push->n_items++] = (struct tb_push_item) {
		.table = entity_of(import->task, record)->collection,
		.id = record->key,
		.action = record->deleted ? TB_PUSH_DELETE : TB_PUSH_UPSERT,
		.data = record->deleted ? TB_STR("{}") : record->body,
		.record = record->body,
	};
}

static void take(struct import *import,
		 const struct tb_connector_record *record)
{
	enum tb_on_delete on_delete =
		entity_of(import->task, record)->on_delete;

	if (record->refused)
		import->rejects[import->checkpoint->n_rejects++] =
			tb_import_reject(import->core, import->task, record);
	else if (record->deleted && on_delete == TB_ON_DELETE_IGNORE)
		import->checkpoint->n_passed++;
	else
		add_item(import, record);
}

enum tb_err tb_import_prepare(struct tb_core *core, struct tb_arena *arena,
			      const struct tb_connector_task *task,
			      const struct tb_connector_record *records,
			      size_t n, struct tb_job_checkpoint *checkpoint)
{
	struct import import = {
		.core = core,
		.arena = arena,
		.task = task,
		.checkpoint = checkpoint,
		.push = tb_arena_calloc(arena, 1, sizeof(*import.push)),
		.rejects =
			tb_arena_calloc(arena, n + 1, sizeof(*import.rejects)),
	};
	enum tb_err err;

	if (!import.push || !import.rejects)
		return tb_arena_err(arena);
	import.push->site_id = TB_ORIGIN_CENTRE;
	import.push->may_edit_central = true;
	import.push->refuse_unknown = true;
	import.push->arena = arena;
	import.push->items =
		tb_arena_calloc(arena, n + 1, sizeof(*import.push->items));
	import.entities =
		tb_arena_calloc(arena, n + 1, sizeof(*import.entities));
	if (!import.push->items || !import.entities)
		return tb_arena_err(arena);
	for (size_t i = 0; i < n; i++)
		take(&import, &records[i]);
	err = tb_jobs_make_note(arena, checkpoint->lease.id,
				&import.push->commit.note);
	if (!err)
		err = tb_push_prepare(import.push, tb_core_declaration(core),
				      task->org);
	checkpoint->rejects = import.rejects;
	checkpoint->push = import.push;
	checkpoint->item_entities = import.entities;
	return err;
}
