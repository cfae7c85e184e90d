#include "clinic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/assert.h"

#define S(text) TB_STR_INIT(text)

static const struct tb_field doctor_fields[] = {
	{ .name = S("name"), .type = TB_FIELD_STRING },
};
static const struct tb_field patient_fields[] = {
	{ .name = S("name"), .type = TB_FIELD_STRING },
	{ .name = S("village"), .type = TB_FIELD_STRING },
};
static const struct tb_field appointment_fields[] = {
	{ .name = S("patient_id"),
	  .type = TB_FIELD_INTEGER,
	  .nullable = true,
	  .references = S("patients") },
	{ .name = S("doctor_id"),
	  .type = TB_FIELD_INTEGER,
	  .nullable = true,
	  .references = S("doctors") },
	/* Often the same patient once more. */
	{ .name = S("payer_id"),
	  .type = TB_FIELD_INTEGER,
	  .nullable = true,
	  .references = S("patients") },
	{ .name = S("status"), .type = TB_FIELD_STRING },
	{ .name = S("patient_name"),
	  .from = S("patient_id"),
	  .show = S("name") },
	{ .name = S("doctor_name"), .from = S("doctor_id"), .show = S("name") },
};
static const struct tb_field note_fields[] = {
	{ .name = S("about"),
	  .type = TB_FIELD_INTEGER,
	  .nullable = true,
	  .references = S("patients") },
	{ .name = S("author"),
	  .type = TB_FIELD_INTEGER,
	  .nullable = true,
	  .references = S("doctors") },
};

static const struct tb_sight_rule doctor_rules[] = {
	{ .role = S("staff") },
	{ .role = S("doctor"), .field = S("id") },
	{ .role = S("patient"),
	  .field = S("patient_id"),
	  .through = S("appointments"),
	  .reference = S("doctor_id") },
};
static const struct tb_sight_rule patient_rules[] = {
	{ .role = S("staff") },
	{ .role = S("patient"), .field = S("id") },
	{ .role = S("doctor"),
	  .field = S("doctor_id"),
	  .through = S("appointments"),
	  .reference = S("patient_id") },
	{ .role = S("doctor"),
	  .field = S("author"),
	  .through = S("notes"),
	  .reference = S("about") },
};
static const struct tb_sight_rule appointment_rules[] = {
	{ .role = S("staff") },
	{ .role = S("doctor"), .field = S("doctor_id") },
	{ .role = S("patient"), .field = S("patient_id") },
};
static const struct tb_sight_rule note_rules[] = {
	{ .role = S("staff") },
	{ .role = S("doctor"), .field = S("author") },
	{ .role = S("patient"), .field = S("about") },
};

static const struct tb_filter patient_filters[] = { { .field = S("village") } };
static const struct tb_filter appointment_filters[] = { { .field = S(
								  "status") } };

static const struct tb_collection collections[CLINIC_COLLECTIONS] = {
	[CLINIC_DOCTORS] = { .name = S("doctors"),
			     .routing = TB_ROUTING_CENTRAL,
			     .fields = doctor_fields,
			     .n_fields = TB_ARRAY_LEN(doctor_fields),
			     .path = S("doctors"),
			     .id_type = TB_ID_INTEGER,
			     .updated_name = S("updated_at"),
			     .rules = doctor_rules,
			     .n_rules = TB_ARRAY_LEN(doctor_rules) },
	[CLINIC_PATIENTS] = { .name = S("patients"),
			      .routing = TB_ROUTING_STORE,
			      .field = S("store_id"),
			      .fields = patient_fields,
			      .n_fields = TB_ARRAY_LEN(patient_fields),
			      .path = S("patients"),
			      .id_type = TB_ID_INTEGER,
			      .updated_name = S("updated_at"),
			      .rules = patient_rules,
			      .n_rules = TB_ARRAY_LEN(patient_rules),
			      .filters = patient_filters,
			      .n_filters = TB_ARRAY_LEN(patient_filters) },
	[CLINIC_APPOINTMENTS] = { .name = S("appointments"),
				  .routing = TB_ROUTING_PARENT,
				  .field = S("patient_id"),
				  .parent = S("patients"),
				  .fields = appointment_fields,
				  .n_fields = TB_ARRAY_LEN(appointment_fields),
				  .path = S("appointments"),
				  .id_type = TB_ID_INTEGER,
				  .updated_name = S("updated_at"),
				  .rules = appointment_rules,
				  .n_rules = TB_ARRAY_LEN(appointment_rules),
				  .filters = appointment_filters,
				  .n_filters =
					  TB_ARRAY_LEN(appointment_filters) },
	[CLINIC_NOTES] = { .name = S("notes"),
			   .routing = TB_ROUTING_STORE,
			   .field = S("store_id"),
			   .fields = note_fields,
			   .n_fields = TB_ARRAY_LEN(note_fields),
			   .path = S("notes"),
			   .id_type = TB_ID_STRING,
			   .updated_name = S("updated_at"),
			   .rules = note_rules,
			   .n_rules = TB_ARRAY_LEN(note_rules) },
};

void clinic_init(struct clinic *clinic)
{
	for (size_t i = 0; i < CLINIC_COLLECTIONS; i++)
		clinic->collections[i] = collections[i];
	clinic->declaration = (struct tb_declaration) {
		.collections = clinic->collections,
		.n_collections = CLINIC_COLLECTIONS,
	};
}

void clinic_finish(struct clinic *clinic, struct tb_arena *arena)
{
	assert_int_equal(tb_declaration_finish(arena, clinic->collections,
					       CLINIC_COLLECTIONS),
			 TB_OK);
}
