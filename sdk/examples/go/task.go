package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"hello/drivers"
)

// task is one whose supervisor runs, or has left its exit in the state folder.
type task struct {
	name, state string
	started     started
	supervisor  named
	mutex       sync.Mutex
	process     *os.File // a pidfd: exactly that process; nil when it is gone
	ended       chan struct{}
	exit        exit   // once ended
	problem     string // likewise
}

const (
	sysPidfdOpen   = 434
	sysPidfdSignal = 424
)

// open gives a descriptor of exactly that process, or nil when it is gone.
func (n named) open() *os.File {
	descriptor, _, failed := syscall.Syscall(sysPidfdOpen, uintptr(n.Pid), 0, 0)
	if n.Pid <= 0 || failed != 0 {
		return nil
	}
	syscall.CloseOnExec(int(descriptor))
	file := os.NewFile(descriptor, "process "+strconv.Itoa(n.Pid))
	if nameOf(n.Pid) != n {
		file.Close()
		return nil
	}
	return file
}

func sendSignal(process *os.File, number syscall.Signal) {
	if process != nil {
		syscall.Syscall6(sysPidfdSignal, process.Fd(), uintptr(number), 0, 0, 0, 0)
	}
}

// untilGone looks again and again: a task that has ended is a zombie or nobody.
func (n named) untilGone() {
	for pause := time.Millisecond; ; pause = min(pause*2, 20*time.Millisecond) {
		fields := statOf(n.Pid)
		if len(fields) < 22 || fields[19] != n.Started || fields[0] == "Z" {
			return
		}
		time.Sleep(pause)
	}
}

// endLeftovers: an earlier start of this task, whose answer may never have arrived.
func endLeftovers(state string) {
	var earlier named
	if readWhole(state+"/supervisor.json", &earlier) == nil {
		if process := earlier.open(); process != nil {
			sendSignal(process, syscall.SIGTERM)
			earlier.untilGone()
			process.Close()
		}
	}
	os.RemoveAll(state)
}

func startTask(state string, what spec) (*task, error) {
	endLeftovers(state)
	if err := os.Mkdir(state, 0700); err != nil {
		return nil, err
	}
	fail := func(err error) (*task, error) {
		os.RemoveAll(state)
		return nil, err
	}
	if err := writeWhole(state+"/spec.json", what); err != nil {
		return fail(err)
	}
	own, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	supervisor := exec.Command(own, "supervise", state)
	supervisor.Env = []string{}
	supervisor.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := supervisor.StdoutPipe()
	if err != nil {
		return fail(err)
	}
	if err := supervisor.Start(); err != nil {
		return fail(err)
	}
	line, _ := bufio.NewReader(pipe).ReadBytes('\n')
	go supervisor.Wait()
	how := started{Problem: "its supervisor ended"}
	json.Unmarshal(line, &how)
	if how.Process.Pid == 0 {
		return fail(fmt.Errorf("%s", how.Problem))
	}
	made, err := openTask(state)
	if err != nil {
		return fail(err)
	}
	return made, nil
}

func openTask(state string) (*task, error) {
	if !filepath.IsAbs(state) {
		return nil, fmt.Errorf("the driver's state names no task")
	}
	t := &task{state: state, ended: make(chan struct{})}
	if err := readWhole(state+"/supervisor.json", &t.supervisor); err != nil {
		return nil, err
	}
	if err := readWhole(state+"/started.json", &t.started); err != nil {
		return nil, err
	}
	t.process = t.started.Process.open()
	go func() {
		t.supervisor.untilGone()
		if readWhole(state+"/exit.json", &t.exit) != nil {
			t.exit, t.problem = exit{Code: -1, At: time.Now()}, "exit unknown: its supervisor was killed"
		}
		close(t.ended)
		t.mutex.Lock()
		defer t.mutex.Unlock()
		if t.process != nil {
			t.process.Close()
		}
		t.process = nil
	}()
	return t, nil
}

func (t *task) hasEnded() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}

func (t *task) send(number syscall.Signal) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	sendSignal(t.process, number)
}

func (t *task) result() *drivers.ExitResult {
	return &drivers.ExitResult{ExitCode: int32(t.exit.Code), Signal: int32(t.exit.Signal)}
}

func (t *task) stop(number syscall.Signal, grace time.Duration) {
	if grace > 0 {
		t.send(number)
		select {
		case <-t.ended:
			return
		case <-time.After(grace):
		}
	}
	t.send(syscall.SIGKILL)
	<-t.ended
}

type used struct {
	resident     uint64
	user, system float64 // seconds
}

const ticksASecond = 100

func (t *task) usage() used {
	total := used{}
	for _, pid := range descendants(t.supervisor.Pid) {
		fields := statOf(pid)
		if len(fields) < 22 {
			continue
		}
		pages, _ := strconv.ParseUint(fields[21], 10, 64)
		user, _ := strconv.ParseFloat(fields[11], 64)
		system, _ := strconv.ParseFloat(fields[12], 64)
		total.resident += pages * uint64(os.Getpagesize())
		total.user += user / ticksASecond
		total.system += system / ticksASecond
	}
	return total
}

var signals = map[string]syscall.Signal{
	"SIGHUP": syscall.SIGHUP, "SIGINT": syscall.SIGINT, "SIGQUIT": syscall.SIGQUIT, "SIGKILL": syscall.SIGKILL, "SIGUSR1": syscall.SIGUSR1,
	"SIGUSR2": syscall.SIGUSR2, "SIGTERM": syscall.SIGTERM, "SIGCONT": syscall.SIGCONT, "SIGSTOP": syscall.SIGSTOP, "SIGTSTP": syscall.SIGTSTP, "SIGWINCH": syscall.SIGWINCH,
}

func signalNumber(name string) (syscall.Signal, bool) {
	number, known := signals[name]
	return number, known
}
