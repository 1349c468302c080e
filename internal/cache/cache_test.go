package cache

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

func ExampleLRU() {
	c := New[string, int](2)
	c.Put("a", 1, 1)
	c.Put("b", 2, 1)
	c.Get("a")
	c.Put("c", 3, 1) // evicts b, the least recently used
	for _, key := range []string{"a", "b", "c"} {
		value, ok := c.Get(key)
		fmt.Println(key, value, ok)
	}
	// Output:
	// a 1 true
	// b 0 false
	// c 3 true
}

// TestModel compares a cache after each of many random steps with a list of pairs, in which the
// most recently used one is last.
func TestModel(t *testing.T) {
	type pair struct {
		key, value int
		cost       int64
	}
	r := rand.New(rand.NewPCG(1, 2))
	const most = 20
	c, model := New[int, int](most), []pair(nil)
	drop := func(key int) (old pair, ok bool) {
		i := slices.IndexFunc(model, func(p pair) bool { return p.key == key })
		if i < 0 {
			return old, false
		}
		old = model[i]
		model = slices.Delete(model, i, i+1)
		return old, true
	}
	sum := func() (n int64) {
		for _, p := range model {
			n += p.cost
		}
		return n
	}
	for step := range 20_000 {
		key := r.IntN(12)
		switch r.IntN(10) {
		case 0:
			c.Delete(key)
			drop(key)
		case 1, 2, 3:
			p := pair{key, step, r.Int64N(most + 3)}
			c.Put(p.key, p.value, p.cost)
			if drop(key); p.cost <= most {
				model = append(model, p)
			}
			for sum() > most {
				model = model[1:]
			}
		case 4:
			if r.IntN(100) == 0 {
				c.Clear()
				model = nil
			}
		default:
			want, there := drop(key)
			if there {
				model = append(model, want)
			}
			if got, ok := c.Get(key); ok != there || got != want.value {
				t.Fatalf("step %d: key %d is %d, %v, want %d, %v", step, key, got, ok, want.value, there)
			}
		}
		if c.Len() != len(model) || c.cost != sum() {
			t.Fatalf("step %d: %d entries cost %d, want %d entries that cost %d", step, c.Len(), c.cost,
				len(model), sum())
		}
	}
}

func TestZero(t *testing.T) {
	var c LRU[int, int]
	c.Put(1, 1, 0)
	if _, ok := c.Get(1); ok {
		t.Error("the zero value stores something")
	}
}

func TestAtOnce(t *testing.T) {
	c := New[int, int](50)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 2000 {
				if v, ok := c.Get(i % 97); ok && v != i%97 {
					t.Errorf("key %d has %d", i%97, v)
				}
				if c.Put(i%97, i%97, 1); i%500 == g {
					c.Clear()
				}
			}
		})
	}
	all.Wait()
	if n := c.Len(); n > 50 {
		t.Errorf("%d entries", n)
	}
}

func BenchmarkGet(b *testing.B) {
	c := New[int, int](100_000)
	for i := range 100_000 {
		c.Put(i, i, 1)
	}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			c.Get(i * 7919 % 100_000)
		}
	})
}

// TestGetOrPut: of several values that are set at once for a key, all callers get the same.
func TestGetOrPut(t *testing.T) {
	c := New[int, *int](4)
	got := make([]*int, 8)
	var wait sync.WaitGroup
	for i := range got {
		wait.Go(func() { got[i] = c.GetOrPut(1, new(int), 1) })
	}
	wait.Wait()
	for _, p := range got {
		if p != got[0] {
			t.Fatal("two callers got different values")
		}
	}
	if kept, ok := c.Get(1); !ok || kept != got[0] || c.Len() != 1 {
		t.Errorf("%v, %v, %d entries", kept, ok, c.Len())
	}
}
