package main

/*
#include <stdlib.h>
#include <windows.h>

// GetProcAddress finds free only among a DLL's own exports, and the C runtime that allocated must
// be the one that frees. The export is an alias, because a function that is named free here would
// replace the runtime's own.
void checksig_release(void *memory) { free(memory); }
__asm__(".section .drectve\n\t.ascii \" -export:free=checksig_release\"\n\t.text");

// Go's threads never end, so what they run must stay: cffi frees the library as Python ends, which
// takes the code away under them. Elsewhere Go links with -z nodelete.
__attribute__((constructor)) static void stay(void)
{
	HMODULE self;
	GetModuleHandleExW(
		GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)stay, &self);
}
*/
import "C"
