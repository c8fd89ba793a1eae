#include <spool/spool.hpp>

int main() { return spool::version == SPOOL_VERSION ? 0 : 1; }
