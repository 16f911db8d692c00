typedef unsigned char uuid_t[16];
