/*
 * The hand-over of docs/journal.md: writers that append to `live`, an agent that renames, reads, stores and unlinks it; each of them
 * may die between any two steps. Checked: what was acknowledged is stored (nothing acknowledged is lost), and counted once.
 *
 *   RECORDS per writer, WRITERS (each stands for a thread, of one process or of several: correct ones share nothing), DEATHS of the agent
 *   NO_LOOK      the writer does not look at the name after its write
 *   SHARED_FD    two writers are threads that keep one descriptor between them, as an earlier design did
 *   EARLY_UNLINK the agent unlinks before its transaction
 * With any of the last three the checker must find a loss.
 */
#ifndef WRITERS
#define WRITERS 3
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef FILES
#define FILES 6
#endif
#ifndef ROUNDS
#define ROUNDS 2		/* 8 in the code; fewer lose nothing, they only drop more, and a drop is counted */
#endif

byte live;			/* the inode that the name stands for */
byte inodes;			/* made so far */
byte content[FILES];		/* a bit a record */
bool sealed[FILES];		/* renamed, not yet unlinked */

byte acknowledged, dropped, dead;	/* a bit a record */
byte stored;			/* the database: records, with their ids */
byte counted[WRITERS];		/* how often each was counted */
byte finished;			/* writers that have ended */

#ifdef SHARED_FD
byte fd;
#endif

inline open_live(f) {
	atomic {
		if
		:: live == 0 && inodes < FILES - 1 -> inodes++; live = inodes
		:: else
		fi;
		f = live
	}
}

proctype writer(byte id) {
	byte f, round;
	do
	:: round == ROUNDS -> dropped = dropped | (1 << id); break
	:: round < ROUNDS ->
		round++;
#ifdef SHARED_FD
		/* kept if it still is the file of the name, else opened anew, for both threads */
		if
		:: fd == 0 || live != fd -> open_live(fd)
		:: else
		fi;
		f = fd;
#else
		open_live(f);
#endif
		if
		:: f == 0 -> skip		/* no more inodes in the model: as a full disk */
		:: else ->
			if
			:: dead = dead | (1 << id); break	/* killed before the write */
			:: content[f] = content[f] | (1 << id)
			fi;
			if
			:: dead = dead | (1 << id); break	/* killed after it, not acknowledged */
			:: skip
			fi;
#ifdef NO_LOOK
			acknowledged = acknowledged | (1 << id); break
#else
#ifdef SHARED_FD
			f = fd;
#endif
			if
			:: live == f -> acknowledged = acknowledged | (1 << id); break
			:: else			/* again, the same record with the same id */
			fi
#endif
		fi
	od;
	atomic { f = 0; round = 0; finished++ }
}

byte deaths;
bool left;			/* the agent died: there may be a renamed file */

/* one transaction: what was read, with its ids; an id that is there already is not counted again */
inline store(seen) {
	atomic {
		byte i;
		i = 0;
		do
		:: i < WRITERS ->
			if
			:: (seen >> i) & 1 && !((stored >> i) & 1) -> counted[i]++
			:: else
			fi;
			i++
		:: else -> break
		od;
		stored = stored | seen;
		i = 0
	}
}

proctype agent() {
	byte s, seen;
	bool last;
restart:
	do
	:: (live != 0 || finished == WRITERS || left) -> atomic { last = (finished == WRITERS); left = false };
		/* left by a dead one, or renamed now */
		atomic {
			s = 1;
			do
			:: s < FILES && !sealed[s] -> s++
			:: else -> break
			od
		}
		if
		:: s == FILES ->
			atomic {
				s = live;
				if
				:: s != 0 -> sealed[s] = true; live = 0
				:: else
				fi
			}
		:: else
		fi;
		if
		:: s == 0 && last -> break
		:: s == 0 && !last -> skip
		:: else ->
			if
			:: deaths < DEATHS -> deaths++; s = 0; seen = 0; left = true; goto restart
			:: skip
			fi;
			seen = content[s];
#ifdef EARLY_UNLINK
			sealed[s] = false;
			if
			:: deaths < DEATHS -> deaths++; s = 0; seen = 0; left = true; goto restart
			:: skip
			fi;
			store(seen);
#else
			store(seen);
			if
			:: deaths < DEATHS -> deaths++; s = 0; seen = 0; left = true; goto restart
			:: skip
			fi;
			/* the second look at the size */
			do
			:: content[s] != seen -> seen = content[s]; store(seen)
			:: else -> break
			od;
			if
			:: deaths < DEATHS -> deaths++; s = 0; seen = 0; left = true; goto restart
			:: skip
			fi;
			sealed[s] = false;
#endif
			s = 0;
			seen = 0
		fi
	od;
	assert((acknowledged & ~stored) == 0);
	byte k;
	do
	:: k < WRITERS ->
		assert(counted[k] <= 1);
		assert(!((acknowledged >> k) & 1) || counted[k] == 1);
		/* each record ended as exactly one of these, or died unacknowledged (and may then be stored or not) */
		assert(((acknowledged | dropped | dead) >> k) & 1);
		k++
	:: else -> break
	od
}

init {
	atomic {
		byte w;
		do
		:: w < WRITERS -> run writer(w); w++
		:: else -> break
		od;
		run agent()
	}
}
