package main

/*
#include <stdlib.h>
#include <windows.h>

// free as an export of this DLL: GetProcAddress finds only a DLL's own exports, and memory must be
// freed by the C runtime that allocated it. It is an alias, because a function named free would
// replace the C runtime's own.
void checksig_release(void *memory) { free(memory); }
__asm__(".section .drectve\n\t.ascii \" -export:free=checksig_release\"\n\t.text");

// Pins this DLL in memory: cffi unloads it when Python ends, but Go's threads never end and still run
// its code. On other systems, Go links with -z nodelete.
__attribute__((constructor)) static void pin(void)
{
	HMODULE self;
	GetModuleHandleExW(
		GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)pin, &self);
}
*/
import "C"
