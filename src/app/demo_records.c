#include "app/demo_records.h"

#include "base/assert.h"
#include "codec/time.h"
#include "kernel/push.h"
#include "kernel/transfer.h"

/* With the times that they had where they came from, in the order of their
 * last changes. */
static const struct {
	const char *table;
	const char *id;
	const char *created;
	const char *updated;
	const char *data;
} dated[] = {
	{ "pharmacies", "5", "2024-01-02T08:00:00Z", "2024-01-02T08:00:00Z",
	  "{\"name\": \"Gram Medical Store, Warna\"}" },
	{ "pharmacies", "6", "2024-01-02T08:10:00Z", "2024-01-02T08:10:00Z",
	  "{\"name\": \"Village Care Pharmacy, Gram\"}" },
	{ "medicines", "15", "2024-01-02T09:00:00Z", "2024-01-02T09:00:00Z",
	  "{\"name\": \"Paracetamol 500mg\"}" },
	{ "medicines", "18", "2024-01-02T09:10:00Z", "2024-01-02T09:10:00Z",
	  "{\"name\": \"Amoxicillin 500mg\"}" },
	{ "medicines", "22", "2024-01-02T09:20:00Z", "2024-01-02T09:20:00Z",
	  "{\"name\": \"Amlodipine 5mg\"}" },
	{ "doctors", "10", "2024-01-03T08:00:00Z", "2024-01-03T08:00:00Z",
	  "{\"specialization\": \"General Medicine\", "
	  "\"phone_number\": \"+91-9000000010\", \"is_available\": true}" },
	{ "doctors", "11", "2024-01-03T08:10:00Z", "2024-01-03T08:10:00Z",
	  "{\"specialization\": \"Pulmonology\", "
	  "\"phone_number\": \"+91-9000000011\", \"is_available\": true}" },
	{ "doctors", "12", "2024-01-03T08:20:00Z", "2024-01-03T08:20:00Z",
	  "{\"specialization\": \"Cardiology\", "
	  "\"phone_number\": \"+91-9000000012\", \"is_available\": false}" },
	{ "patients", "1", "2024-01-10T08:00:00Z", "2024-01-15T14:30:00Z",
	  "{\"phone_number\": \"+91-9876543210\", "
	  "\"address\": \"Village Gram, Taluka Taluka, District Sangli, "
	  "State Maharashtra 415001\", \"gender\": \"Male\", "
	  "\"store_id\": \"store-a\"}" },
	{ "patients", "2", "2024-01-12T10:15:00Z", "2024-01-18T11:20:00Z",
	  "{\"phone_number\": \"+91-9123456789\", "
	  "\"address\": \"Village Warna, Taluka Taluka, District Satara, "
	  "State Maharashtra 415402\", \"gender\": \"Female\", "
	  "\"store_id\": \"store-a\"}" },
	{ "pharmacy_inventory", "4", "2024-01-16T09:00:00Z",
	  "2024-01-18T12:45:00Z",
	  "{\"pharmacy_id\": 6, \"medicine_id\": 22, "
	  "\"quantity_available\": 85}" },
	{ "appointments", "102", "2024-01-10T15:45:00Z", "2024-01-18T13:20:00Z",
	  "{\"patient_id\": 1, \"doctor_id\": 11, "
	  "\"appointment_date\": \"2024-01-22T10:30:00Z\", "
	  "\"status\": \"CONFIRMED\", "
	  "\"symptoms\": \"Persistent cough, difficulty breathing\", "
	  "\"diagnosis\": \"Mild pneumonia, viral infection\", "
	  "\"prescription\": \"Amoxicillin 500mg 3x daily, Cough syrup\", "
	  "\"store_id\": \"store-a\"}" },
	{ "appointments", "103", "2024-01-05T11:00:00Z", "2024-01-19T16:15:00Z",
	  "{\"patient_id\": 2, \"doctor_id\": 12, "
	  "\"appointment_date\": \"2024-01-28T15:00:00Z\", "
	  "\"status\": \"COMPLETED\", "
	  "\"symptoms\": \"Dizziness, high BP reading\", "
	  "\"diagnosis\": \"Hypertension, need monitoring\", "
	  "\"prescription\": \"Amlodipine 5mg once daily\", "
	  "\"store_id\": \"store-a\"}" },
	{ "pharmacy_inventory", "2", "2024-01-15T08:00:00Z",
	  "2024-01-19T16:20:00Z",
	  "{\"pharmacy_id\": 5, \"medicine_id\": 18, "
	  "\"quantity_available\": 120}" },
	{ "appointments", "101", "2024-01-20T09:30:00Z", "2024-01-20T09:30:00Z",
	  "{\"patient_id\": 1, \"doctor_id\": 10, "
	  "\"appointment_date\": \"2024-01-25T14:00:00Z\", "
	  "\"status\": \"PENDING\", "
	  "\"symptoms\": \"Fever, body pain, weakness for 3 days\", "
	  "\"diagnosis\": null, \"prescription\": null, "
	  "\"store_id\": \"store-a\"}" },
	{ "pharmacy_inventory", "1", "2024-01-15T08:00:00Z",
	  "2024-01-20T14:30:00Z",
	  "{\"pharmacy_id\": 5, \"medicine_id\": 15, "
	  "\"quantity_available\": 250}" },
	{ "pharmacy_inventory", "3", "2024-01-16T09:00:00Z",
	  "2024-01-21T10:15:00Z",
	  "{\"pharmacy_id\": 6, \"medicine_id\": 15, "
	  "\"quantity_available\": 0}" },
};

/* Those that are there to pull, each pushed by one of the sites. */
static const struct {
	uint32_t site_id;
	const char *table;
	const char *id;
	const char *data;
} pushed[] = {
	{ 1, "unit", "unit-tablet", "{\"units\": \"tablet\"}" },
	{ 1, "unit", "unit-bottle", "{\"units\": \"bottle\"}" },
	{ 1, "item", "item-amoxygluemab",
	  "{\"item_name\": \"amoxygluemab\", \"unit_ID\": \"unit-tablet\", "
	  "\"code\": \"amox\"}" },
	{ 1, "item", "item-saline",
	  "{\"item_name\": \"saline 0.9%\", \"unit_ID\": \"unit-bottle\", "
	  "\"code\": \"sal\"}" },
	{ 1, "list_master", "list-essentials",
	  "{\"description\": \"Essential medicines\"}" },
	/* A finalised invoice of each store to the other. */
	{ 63, "transact", "invoice-a-1",
	  "{\"store_ID\": \"store-a\", \"other_store_ID\": \"store-b\", "
	  "\"status\": \"fn\", \"total\": 6225.20}" },
	{ 63, "trans_line", "line-a-1",
	  "{\"transaction_ID\": \"invoice-a-1\", "
	  "\"item_name\": \"amoxygluemab\", \"quantity\": 95555, "
	  "\"cost_price\": 65.5}" },
	{ 64, "transact", "invoice-b-1",
	  "{\"store_ID\": \"store-b\", \"other_store_ID\": \"store-a\", "
	  "\"status\": \"fn\", \"total\": 12.50}" },
	{ 64, "trans_line", "line-b-1",
	  "{\"transaction_ID\": \"invoice-b-1\", "
	  "\"item_name\": \"saline 0.9%\", \"quantity\": 5, "
	  "\"cost_price\": 2.5}" },
};

static struct tb_push_item make_item(const char *table, const char *id,
				     const char *data)
{
	return (struct tb_push_item) {
		.table = tb_str_z(table),
		.id = tb_str_z(id),
		.action = TB_PUSH_UPSERT,
		.data = tb_str_z(data),
		.record = tb_str_z(data),
	};
}

static enum tb_err commit(struct tb_core *core, uint32_t org,
			  const struct tb_audit_note *note,
			  struct tb_push *push)
{
	enum tb_err err = tb_push_prepare(push, tb_core_declaration(core), org);

	if (err)
		return err;
	push->commit.note = *note;
	return tb_core_commit(core, &push->commit);
}

/* All in one commit, and no later one may have times of its own. */
static enum tb_err push_dated(struct tb_core *core, struct tb_arena *arena,
			      uint32_t org, const struct tb_audit_note *note)
{
	struct tb_push_item items[TB_ARRAY_LEN(dated)];
	struct tb_push push = { .site_id = TB_ORIGIN_CENTRE,
				.keep_times = true,
				.may_edit_central = true,
				.items = items,
				.n_items = TB_ARRAY_LEN(items),
				.arena = arena };
	enum tb_err err = TB_OK;

	for (size_t i = 0; !err && i < TB_ARRAY_LEN(items); i++) {
		items[i] =
			make_item(dated[i].table, dated[i].id, dated[i].data);
		err = tb_time_parse(tb_str_z(dated[i].created), 0,
				    &items[i].created_us);
		if (!err)
			err = tb_time_parse(tb_str_z(dated[i].updated), 0,
					    &items[i].updated_us);
	}
	if (!err)
		err = commit(core, org, note, &push);
	if (!err)
		err = tb_transfer_seal(core, note, org);
	/* An earlier start was cut short behind the seal. */
	return err == TB_ERR_CONFLICT ? TB_OK : err;
}

static enum tb_err push_one(struct tb_core *core, struct tb_arena *arena,
			    uint32_t org, const struct tb_audit_note *note,
			    size_t i)
{
	struct tb_push_item item =
		make_item(pushed[i].table, pushed[i].id, pushed[i].data);
	struct tb_push push = { .site_id = pushed[i].site_id,
				.may_edit_central = pushed[i].site_id == 1,
				.items = &item,
				.n_items = 1,
				.arena = arena };

	return commit(core, org, note, &push);
}

enum tb_err tb_demo_push_records(struct tb_core *core, struct tb_arena *arena,
				 uint32_t org, const struct tb_audit_note *note)
{
	enum tb_err err = push_dated(core, arena, org, note);

	for (size_t i = 0; !err && i < TB_ARRAY_LEN(pushed); i++)
		err = push_one(core, arena, org, note, i);
	return err;
}
