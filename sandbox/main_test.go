package sandbox_test

import (
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

func TestMain(m *testing.M) { hosttest.Main(m) }
