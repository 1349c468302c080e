package kv

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nightjar/internal/testenv"
)

// TestKilled kills a writing process again and again. Everything that it acknowledged must be in
// the file.
func TestKilled(t *testing.T) {
	t.Parallel()
	if path := os.Getenv("KV_TEST_WRITE"); path != "" {
		writeUntilKilled(path)
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "test.db")
	tables := newTestTables()
	acknowledged := map[string]bool{}
	rounds := testenv.Choose(3, 5)
	for round := range rounds {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "KV_TEST_WRITE="+path, fmt.Sprint("KV_TEST_ROUND=", round))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for before := len(acknowledged); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "ack "); ok {
				acknowledged[name] = true
			}
			if len(acknowledged) == before+5 { // it is at work, however slow the machine
				time.AfterFunc(time.Duration(200+50*round)*time.Millisecond, func() { cmd.Process.Kill() })
			}
		}
		cmd.Wait()
		db, err := Open(path, tables.all(), Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		report, err := db.Verify(t.Context(), CheckOptions{})
		if err != nil || report.Err() != nil {
			t.Fatalf("round %d: %v %v", round, err, report.Problems)
		}
		db.View(func(tx *Tx) error {
			for name := range acknowledged {
				id, ok, err := tx.Lookup(uniqueName, name)
				if err != nil || !ok {
					t.Errorf("round %d: %s is lost (%v)", round, name, err)
					continue
				}
				n, err := tables.points.Set(tx, dimParent, Int(id)).Count()
				if p, _ := tables.parents.Get(tx, id); err != nil || n != int(p.Rank) {
					t.Errorf("round %d: %s has %d rows (%v)", round, name, n, err)
				}
			}
			return nil
		})
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(acknowledged) < 5*rounds {
		t.Errorf("only %d writes were acknowledged", len(acknowledged))
	}
}

// writeUntilKilled writes parents with points, some in one transaction and some staged, and prints
// each one once it is on the disk.
func writeUntilKilled(path string) {
	tables := newTestTables()
	db, err := Open(path, tables.all(), Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%s-%d-%d", os.Getenv("KV_TEST_ROUND"), w, i)
				var err error
				if w == 0 {
					err = stageOne(db, tables, name)
				} else {
					err = db.Update(context.Background(), me, func(tx *WriteTx) error {
						id, err := tables.parents.Insert(tx, &parent{Name: name, Rank: 2, Seen: []uint64{uint64(w)}})
						for t := range int64(2) {
							if err == nil {
								_, err = tables.points.Insert(tx, &point{Parent: id, Time: t})
							}
						}
						return err
					})
				}
				if err != nil {
					fmt.Println(err)
					return
				}
				fmt.Println("ack " + name)
			}
		}()
	}
	select {}
}

func stageOne(db *DB, tables testTables, name string) error {
	ctx := context.Background()
	var id uint64
	err := db.Update(ctx, me, func(tx *WriteTx) (err error) {
		id, err = tables.parents.Insert(tx, &parent{Name: name, Rank: 3000})
		return err
	})
	if err != nil {
		return err
	}
	s, err := tables.points.Stage(ctx, db, me)
	if err != nil {
		return err
	}
	for range 3 {
		err := s.Update(ctx, func(tx *WriteTx) error {
			for t := range int64(1000) {
				if _, err := tables.points.Insert(tx, &point{Parent: id, Time: t}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.Finish(ctx, func(*WriteTx) error { return nil })
}
