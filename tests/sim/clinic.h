/*
 * Collections that are shown as resources, for the simulation and the kernel's
 * tests: patients go to their store, appointments with their patient, doctors
 * to every site, notes to their store. Doctors see the patients of their
 * appointments and notes, patients the doctors of their appointments; staff
 * see all.
 */
#ifndef TB_TESTS_SIM_CLINIC_H
#define TB_TESTS_SIM_CLINIC_H

#include "base/arena.h"
#include "kernel/declaration.h"

enum clinic_collection {
	CLINIC_DOCTORS,
	CLINIC_PATIENTS,
	CLINIC_APPOINTMENTS,
	CLINIC_NOTES, /* with string ids */
	CLINIC_COLLECTIONS,
};

struct clinic {
	struct tb_collection collections[CLINIC_COLLECTIONS];
	struct tb_declaration declaration;
};

/* To be changed before clinic_finish, or used as it is after it. */
void clinic_init(struct clinic *clinic);
/* Works out what follows from the collections, in the arena. */
void clinic_finish(struct clinic *clinic, struct tb_arena *arena);

#endif
