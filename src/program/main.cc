// program/main.cc: placeholder until the wiring is there.
int main() { return 2; }
