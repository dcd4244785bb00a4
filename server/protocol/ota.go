package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
)

// OTAPath and WebSocketPath are where servers listen by custom.
const (
	OTAPath       = "/xiaozhi/ota/"
	WebSocketPath = "/xiaozhi/v1/"
)

// OTARequest is the body of the request at boot, keys in the order of the
// firmware (78/xiaozhi-esp32 main/boards/common/board.cc, GetSystemInfoJson).
type OTARequest struct {
	Version             int             `json:"version"`
	Language            string          `json:"language"`
	FlashSize           int64           `json:"flash_size"`             // bytes
	MinimumFreeHeapSize string          `json:"minimum_free_heap_size"` // bytes, as a string
	MACAddress          string          `json:"mac_address"`
	UUID                string          `json:"uuid"`
	ChipModelName       string          `json:"chip_model_name"`
	ChipInfo            ChipInfo        `json:"chip_info"`
	Application         Application     `json:"application"`
	PartitionTable      json.RawMessage `json:"partition_table,omitempty"`
	OTA                 OTAPartition    `json:"ota"`
	Display             json.RawMessage `json:"display,omitempty"`
	Board               Board           `json:"board"`
}

// ChipInfo is esp_chip_info of the device.
type ChipInfo struct {
	Model    int `json:"model"`
	Cores    int `json:"cores"`
	Revision int `json:"revision"`
	Features int `json:"features"`
}

// Application is the firmware image that runs.
type Application struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	CompileTime string `json:"compile_time"`
	IDFVersion  string `json:"idf_version"`
	ELFSHA256   string `json:"elf_sha256"`
}

// OTAPartition is the partition the firmware runs from.
type OTAPartition struct {
	Label string `json:"label"`
}

// Board is the board object: the first three fields everywhere, then those of
// a modem board (main/boards/common/ml307_board.cc) or of a Wi-Fi board
// (wifi_board.cc).
type Board struct {
	Type         string          `json:"type"`
	Name         string          `json:"name"`
	Manufacturer string          `json:"manufacturer,omitempty"`
	Revision     string          `json:"revision,omitempty"`
	Carrier      string          `json:"carrier,omitempty"`
	CSQ          string          `json:"csq,omitempty"` // 0 to 31 or 99, as a string
	IMEI         string          `json:"imei,omitempty"`
	ICCID        string          `json:"iccid,omitempty"`
	CEREG        json.RawMessage `json:"cereg,omitempty"`
	SSID         string          `json:"ssid,omitempty"`
	RSSI         int             `json:"rssi,omitempty"` // dBm
	Channel      int             `json:"channel,omitempty"`
	IP           string          `json:"ip,omitempty"`
	MAC          string          `json:"mac,omitempty"`
}

// OTAAnswer is what the server says at boot. Sections that are absent are nil:
// a device takes MQTT where both transports are named or neither is.
type OTAAnswer struct {
	Activation *Activation     `json:"activation,omitempty"`
	MQTT       json.RawMessage `json:"mqtt,omitempty"`
	WebSocket  *OTAWebSocket   `json:"websocket,omitempty"`
	ServerTime *ServerTime     `json:"server_time,omitempty"`
	Firmware   *Firmware       `json:"firmware,omitempty"`
}

// Activation asks the user to enter Code somewhere.
type Activation struct {
	Message   string `json:"message,omitempty"`
	Code      string `json:"code,omitempty"`
	Challenge string `json:"challenge,omitempty"`
	TimeoutMs int    `json:"timeout_ms,omitempty"`
}

// OTAWebSocket is where and as whom to open the audio channel.
type OTAWebSocket struct {
	URL     string `json:"url"`
	Token   string `json:"token"`
	Version int    `json:"version,omitempty"` // Protocol-Version; 0: the device keeps 1
}

// ServerTime sets the device's clock.
type ServerTime struct {
	Timestamp      int64 `json:"timestamp"`       // ms since 1970
	TimezoneOffset int   `json:"timezone_offset"` // minutes east of UTC
}

// Firmware names the version to run; a newer one is fetched from URL.
type Firmware struct {
	Version string `json:"version"`
	URL     string `json:"url"`
	Force   int    `json:"force,omitempty"`
}

// ErrOTA says that an OTA body is not one JSON object of the known shape.
var ErrOTA = errors.New("bad OTA body")

// ParseOTARequest reads a request body. Unknown keys are ignored.
func ParseOTARequest(body []byte) (OTARequest, error) {
	var r OTARequest
	if err := json.Unmarshal(body, &r); err != nil {
		return OTARequest{}, fmt.Errorf("%w: %w", ErrOTA, err)
	}
	return r, nil
}

// ParseOTAAnswer reads an answer body. Unknown keys are ignored.
func ParseOTAAnswer(body []byte) (OTAAnswer, error) {
	var a OTAAnswer
	if err := json.Unmarshal(body, &a); err != nil {
		return OTAAnswer{}, fmt.Errorf("%w: %w", ErrOTA, err)
	}
	return a, nil
}
