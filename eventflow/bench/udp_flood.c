/* Events as UDP datagrams at a given rate, layout t64_x16_y16_on8, all little endian.
 *
 *     udp_flood PORT EVENTS_PER_S SECONDS EVENTS_PER_DATAGRAM
 *
 * Sends to 127.0.0.1 by absolute deadlines and prints the number of datagrams and how long it took, s. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define EVENT_BYTES 13
#define MOST_EVENTS 1000

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fill(uint8_t *bytes, int events, uint64_t first, double events_per_us) {
    for (int i = 0; i < events; i++) {
        uint8_t *at = bytes + i * EVENT_BYTES;
        uint64_t number = first + (uint64_t)i;
        uint64_t t = (uint64_t)((double)number / events_per_us);
        uint16_t x = (uint16_t)(number % 640), y = (uint16_t)(number / 640 % 480);
        memcpy(at, &t, 8);
        memcpy(at + 8, &x, 2);
        memcpy(at + 10, &y, 2);
        at[12] = (uint8_t)(number & 1);
    }
}

int main(int count, char **words) {
    if (count != 5) return 2;
    double rate = atof(words[2]), seconds = atof(words[3]);
    int events = atoi(words[4]);
    if (rate <= 0 || seconds <= 0 || events < 1 || events > MOST_EVENTS) return 2;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1]))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int out = socket(AF_INET, SOCK_DGRAM, 0);
    if (out < 0 || connect(out, (struct sockaddr *)&to, sizeof to)) return 1;

    static uint8_t bytes[BATCH][MOST_EVENTS * EVENT_BYTES];
    static struct iovec vectors[BATCH];
    static struct mmsghdr headers[BATCH];
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){bytes[i], (size_t)events * EVENT_BYTES};
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    uint64_t total = (uint64_t)(rate * seconds / events), sent = 0;
    double begun = now();
    while (sent < total) {
        int many = total - sent < BATCH ? (int)(total - sent) : BATCH;
        for (int i = 0; i < many; i++)
            fill(bytes[i], events, (sent + (uint64_t)i) * (uint64_t)events, rate * 1e-6);
        double due = begun + (double)sent * events / rate;
        while (now() < due) {}
        for (int done = 0; done < many;) {
            int found = sendmmsg(out, headers + done, (unsigned)(many - done), 0);
            if (found < 0 && errno != ECONNREFUSED && errno != EINTR) return 1;
            if (found > 0) done += found;
        }
        sent += (uint64_t)many;
    }
    printf("%llu %.6f\n", (unsigned long long)sent, now() - begun);
    return 0;
}
